# Makes what the configuration declares and switches to the environment STAMP; prints what changed.
set -eu
systemd-sysusers /etc/sysusers.d/slotlab.conf 2>&1
systemd-tmpfiles --create /etc/tmpfiles.d/slotlab.conf
cd "$INSTALL"
if [ ! -e "$STAMP/.complete" ]; then
    # The units may not write here, so compile now what each start would compile again.
    /usr/bin/python3 -m compileall -q "$STAMP" || true
    : > "$STAMP/.complete"
    echo "installed $STAMP"
fi
if [ "$(readlink current || true)" != "$STAMP" ]; then
    ln -sfn "$STAMP" .current.new
    mv -T .current.new current
    echo "current is $STAMP"
fi
for old in */; do
    old=${old%/}
    case "$old" in "$STAMP" | current) continue ;; esac
    rm -rf -- "./$old"
    echo "removed $old"
done
