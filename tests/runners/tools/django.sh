version_django() { venv && python -c 'import django; print(django.__version__)'; }
up_django() { DJANGO_DATABASE=$1 python manage.py migrate shop; }
down_django() { DJANGO_DATABASE=$1 python manage.py migrate shop 0001; }
test_django() {
    mkdir -p shop/migrations
    cat >manage.py <<'PY'
import os, sys
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"], "USER": "postgres", "NAME": os.environ["DJANGO_DATABASE"]}},
)
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
PY
    touch shop/__init__.py shop/migrations/__init__.py
    printf 'from django.db import models\n\n\nclass Note(models.Model):\n    text = models.TextField()\n' >shop/models.py
    DJANGO_DATABASE=none python manage.py makemigrations shop >/dev/null 2>&1
    fresh_database django_all
    # The folder determines the tool and the app.
    write_in_place django_all "${names[@]}"
    up_and_down django django_all shop/migrations
    DJANGO_DATABASE=django_all python manage.py makemigrations --check --dry-run >out 2>&1 || { cat out; return 1; }
    rm shop/migrations/000[2-9]*
    fresh_database django_all
    write_in_place django_all users_name
    with_a_lock django django_all shop/migrations
}
# write_in_place DATABASE INDEX…: without --framework and --output.
write_in_place() {
    local database=$1
    shift
    "$pgtend" indexes migrate -d "$database" --min-observation 0 --min-reclaim 0 -q --yes "$@" >"$work/plan" 2>&1 ||
        { cat "$work/plan"; fail 'pgtend did not recognize the project'; }
}
