# Keeps a throwaway cluster in $1 from outliving the process that owns it.
#
# The owner holds the other end of our standard input and writes the server's pid there. The kernel
# closes it when the owner ends, however it ends; then the server is shut down and the folder removed,
# unless the owner wrote "leave" first.

trap '' HUP INT TERM QUIT
case $1 in */pgtend-*) ;; *) exit 2 ;; esac

pid=
while read -r line; do
    [ "$line" != leave ] || exit 0
    pid=$line
done
# Killed between starting the server and telling us.
[ -n "$pid" ] || read -r pid 2>/dev/null <"$1/data/postmaster.pid"

# The number may have gone to another process since.
runs() {
    kill -0 "$pid" 2>/dev/null || return 1
    if [ -d /proc/self ]; then
        [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]
    else
        ps -o command= -p "$pid" | grep -qF -- "$1/data"
    fi
}

if [ -n "$pid" ] && runs "$1"; then
    # It may have been paused, and would not hear anything else then.
    kill -s CONT "$pid"
    kill -s QUIT "$pid"
    # Postgres itself kills what has not gone after five seconds.
    tries=200
    while [ "$tries" -gt 0 ] && runs "$1"; do
        sleep 0.05
        tries=$((tries - 1))
    done
    if runs "$1"; then kill -s KILL "$pid"; fi
fi
rm -rf -- "$1"
