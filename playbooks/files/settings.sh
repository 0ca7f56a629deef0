# Brings the time daemon (TIME) and the tuning (TUNE) of a host to what the inventory asks, or back
# to what they were; prints a line for each change. MODE=show prints the lines and changes nothing.
# Their files are already in place; /etc/slotlab/undo says what was before and what is in force.
set -eu
undo=/etc/slotlab/undo
sources=/etc/chrony/sources.d/slotlab.sources
unit=/etc/systemd/system/slotlab-tune.service
journald=/etc/systemd/journald.conf.d/slotlab.conf

word() { systemctl "$1" chrony.service 2>/dev/null || true; }

manage_time() {
    before="$(word is-enabled) $(word is-active)"
    case "$before" in masked*) echo "chrony is masked: systemctl unmask chrony" >&2; exit 1 ;; esac
    if ! grep -qs '^ *sourcedir  */etc/chrony/sources.d' /etc/chrony/chrony.conf; then
        echo "/etc/chrony/chrony.conf does not read sources.d; add: sourcedir /etc/chrony/sources.d" >&2
        exit 1
    fi
    if [ "$before" != "enabled active" ]; then
        echo "chrony: $before -> enabled active"
        if [ "$MODE" = apply ]; then
            mkdir -p "$undo"
            [ -e "$undo/chrony" ] || echo "$before" >"$undo/chrony"
            systemctl enable --quiet --now chrony.service
        fi
    fi
    [ "$MODE" = apply ] || return 0
    mkdir -p "$undo"
    [ -e "$undo/chrony" ] || echo "$before" >"$undo/chrony"
    if ! cmp -s "$sources" "$undo/sources"; then
        chronyc reload sources >/dev/null
        cp "$sources" "$undo/sources"
        echo "chrony asks $(sed -n 's/^server \([^ ]*\).*/\1/p' "$sources" | tr '\n' ' ')"
    fi
}

leave_time() {
    [ -e "$undo/chrony" ] || [ -e "$sources" ] || return 0
    read -r enabled active <"$undo/chrony" || true
    echo "chrony: back to ${enabled:-as} ${active:-it is}, without our servers"
    [ "$MODE" = apply ] || return 0
    rm -f "$sources"
    chronyc reload sources >/dev/null 2>&1 || true
    [ "${enabled:-}" != disabled ] || systemctl disable --quiet chrony.service
    [ "${active:-}" != inactive ] || systemctl stop chrony.service
    rm -f "$undo/chrony" "$undo/sources"
}

tune_on() {
    if [ "$MODE" = show ]; then
        [ -e "$undo/tune" ] || sh -c "$TUNE_SCRIPT" tune show
        return 0
    fi
    mkdir -p "$undo"
    if ! cat "$unit" "$journald" /etc/slotlab/tune.sh | cmp -s - "$undo/tune"; then
        systemctl daemon-reload
        sh /etc/slotlab/tune.sh show
        systemctl enable --quiet slotlab-tune.service
        systemctl restart slotlab-tune.service
        systemctl restart systemd-journald.service
        cat "$unit" "$journald" /etc/slotlab/tune.sh >"$undo/tune"
        echo "tuned until wipe"
    elif ! systemctl is-active --quiet slotlab-tune.service; then
        systemctl start slotlab-tune.service
        echo "tuned again"
    fi
}

tune_off() {
    [ -e "$unit" ] || [ -e "$journald" ] || return 0
    echo "tuning: back to what it was"
    [ "$MODE" = apply ] || return 0
    [ ! -e "$unit" ] || systemctl disable --quiet --now slotlab-tune.service
    rm -f "$unit" "$journald" /etc/slotlab/tune.sh "$undo/tune"
    systemctl daemon-reload
    systemctl reset-failed slotlab-tune.service 2>/dev/null || true
    systemctl restart systemd-journald.service
}

case "$TIME" in manage) manage_time ;; *) leave_time ;; esac
case "$TUNE" in on) tune_on ;; *) tune_off ;; esac
rmdir "$undo" 2>/dev/null || true
