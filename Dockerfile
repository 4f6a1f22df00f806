# syntax=docker/dockerfile:1

ARG DEBIAN=bookworm

FROM rust:1-slim-${DEBIAN} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$(uname -m)-unknown-linux-musl" \
    && mkdir -m 1777 /empty
WORKDIR /src
COPY . .
# `docker build --build-arg COMMIT="$(git log -1 --format='%h %cs')" .`: the build context does not contain the repository.
ARG COMMIT
# The cache mounts exist during this step only, so the same step copies the binary.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    PGTEND_COMMIT="$COMMIT" cargo build --locked --profile dist --bin pgtend --target "$(uname -m)-unknown-linux-musl" \
    && cp "target/$(uname -m)-unknown-linux-musl/dist/pgtend" /usr/local/bin/pgtend

# A stage with a shell, for docker-compose.yml.
FROM debian:${DEBIAN}-slim AS tour
COPY --from=build /usr/local/bin/pgtend /usr/local/bin/pgtend
USER 65532:65532
ENTRYPOINT ["pgtend"]

# The image: the static binary, a folder for temporary files, and the CA certificates for sslmode=verify-full with
# sslrootcert=system. No shell, no libc, no packages.
FROM scratch
LABEL org.opencontainers.image.title="pgtend" \
      org.opencontainers.image.description="PostgreSQL maintenance: disk space, replication slots, WAL, indexes, health checks" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /empty /tmp
COPY --from=build /usr/local/bin/pgtend /usr/local/bin/pgtend
# A numeric id, so that runAsNonRoot in Kubernetes can verify that it is not root.
USER 65532:65532
WORKDIR /tmp
ENV PATH=/usr/local/bin
ENTRYPOINT ["pgtend"]
CMD ["--help"]
