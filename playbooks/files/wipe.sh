# Removes all that deploy put on a host, and only that; prints one line for each thing removed.
set -u
gone() { echo "removed $1"; }

if [ -d "$INSTALL/current/faults" ]; then
    PYTHONPATH="$INSTALL/current:$INSTALL/current/site-packages" PYTHONDONTWRITEBYTECODE=1 \
        timeout 30 "$INSTALL/python3" -m faults heal >/dev/null 2>&1 ||
        echo "warning: heal failed, faults may be left" >&2
fi
sh -c "$SETTINGS" 2>&1 || echo "warning: time daemon or tuning may not be as before"
# Timers of faults are gone with the faults; were heal to fail, theirs go here.
systemctl stop 'slotlab-undo-*.timer' 'slotlab-undo-units-*.service' >/dev/null 2>&1
units="slotlab-client slotlab-node slotlab-probe slotlab-agent slotlab-heal"
for unit in $units; do
    file="/etc/systemd/system/$unit.service"
    [ -e "$file" ] || continue
    systemctl disable --now "$unit.service" >/dev/null 2>&1
    systemctl reset-failed "$unit.service" >/dev/null 2>&1
    rm -f "$file" && gone "$file"
    reload=yes
done
[ -z "${reload:-}" ] || systemctl daemon-reload
tables=$(nft list tables 2>/dev/null | grep -E '^table [a-z0-9]+ slotlab_' || true)
[ -z "$tables" ] || echo "$tables" | while read -r _ family name; do
    nft delete table "$family" "$name" && gone "nft table $family $name"
done
for path in /etc/sysusers.d/slotlab.conf /etc/tmpfiles.d/slotlab.conf /etc/slotlab \
    /run/slotlab "$INSTALL" "$STATE_DIR/trial" "$STATE_DIR/chain" "$STATE_DIR/events" \
    "$STATE_DIR/agent"; do
    if [ -e "$path" ] || [ -L "$path" ]; then
        rm -rf -- "$path" && gone "$path"
    fi
done
# Folders that deploy had to make; one that a package owns stays, empty or not.
for folder in /etc/sysusers.d /etc/tmpfiles.d /etc/chrony/sources.d /etc/systemd/journald.conf.d; do
    [ -d "$folder" ] && ! dpkg -S "$folder" >/dev/null 2>&1 && rmdir "$folder" 2>/dev/null
done
# The state folder may be one the operator mounted: it goes only when it is empty.
if [ -d "$STATE_DIR" ] && rmdir -- "$STATE_DIR" 2>/dev/null; then gone "$STATE_DIR"; fi
if getent passwd slotlab >/dev/null; then
    userdel slotlab && gone "user slotlab"
fi
if getent group slotlab >/dev/null; then
    groupdel slotlab && gone "group slotlab"
fi
exit 0
