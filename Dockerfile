# syntax=docker/dockerfile:1

ARG DEBIAN=bookworm

FROM rust:1-slim-${DEBIAN} AS build
WORKDIR /src
COPY . .
# `docker build --build-arg COMMIT="$(git log -1 --format='%h %cs')" .`: the repository itself stays outside.
ARG COMMIT
# The caches stay out of the image, so the binary has to leave them within the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    PGTEND_COMMIT="$COMMIT" cargo build --locked --profile dist --bin pgtend \
    && cp target/dist/pgtend /usr/local/bin/pgtend

FROM debian:${DEBIAN}-slim
LABEL org.opencontainers.image.title="pgtend" \
      org.opencontainers.image.description="Postgres maintenance a DBA trusts with production" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# The system's certificate authorities, for sslmode=verify-full with sslrootcert=system.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/pgtend /usr/local/bin/pgtend
# By number, so that a cluster's runAsNonRoot can see that it is not root.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["pgtend"]
CMD ["--help"]
