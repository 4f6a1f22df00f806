# Stops the throwaway cluster in the folder $1 after its owner has ended, and removes the folder.
#
# The owner holds the other end of standard input and writes the server's pid to it. The kernel closes it when the owner
# ends, for whatever reason. Nothing is done if the owner wrote "leave" first.

trap '' HUP INT TERM QUIT
case $1 in */pgtend-*) ;; *) exit 2 ;; esac

pid=
while read -r line; do
    [ "$line" != leave ] || exit 0
    pid=$line
done
# The owner may have ended between starting the server and writing its pid.
[ -n "$pid" ] || read -r pid 2>/dev/null <"$1/data/postmaster.pid"

# The pid may belong to another process by now.
is_server() {
    kill -0 "$pid" 2>/dev/null || return 1
    if [ -d /proc/self ]; then
        [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]
    else
        ps -o command= -p "$pid" | grep -qF -- "$1/data"
    fi
}

if [ -n "$pid" ] && is_server "$1"; then
    # A paused server handles no other signal.
    kill -s CONT "$pid"
    kill -s QUIT "$pid"
    # After five seconds, the postmaster kills its remaining children.
    tries=200
    while [ "$tries" -gt 0 ] && is_server "$1"; do
        sleep 0.05
        tries=$((tries - 1))
    done
    if is_server "$1"; then kill -s KILL "$pid"; fi
fi
rm -rf -- "$1"
