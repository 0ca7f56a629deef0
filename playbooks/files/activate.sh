# Makes what the configuration declares, switches to the environment STAMP and runs the agent with
# both; prints what changed. Whatever step a lost connection ended at, the next deploy completes.
set -eu
systemd-sysusers /etc/sysusers.d/slotlab.conf 2>&1
systemd-tmpfiles --create /etc/tmpfiles.d/slotlab.conf
cd "$INSTALL"
if [ "$(readlink python3 || true)" != "$PYTHON" ]; then
    ln -sfn "$PYTHON" python3
    echo "python3 is $PYTHON"
fi
if [ ! -e "$STAMP/.complete" ]; then
    # The units may not write here, so compile now what each start would compile again.
    ./python3 -m compileall -q "$STAMP" || true
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

# The agent runs what it was last started with; .applied says what that was.
agent=slotlab-agent.service
want=$(
    cat /etc/slotlab/host.json /etc/slotlab/curve.secret
    for role in agent heal node probe client; do
        cat /etc/systemd/system/slotlab-$role.service
    done
)
want=$(printf %s "$want" | sha256sum)
want="$STAMP $PYTHON ${want%% *}"
if [ "$(cat .applied 2>/dev/null || true)" != "$want" ]; then
    systemctl daemon-reload
    action=restart
elif ! systemctl is-active --quiet $agent || ! systemctl is-enabled --quiet $agent; then
    action=start
else
    exit 0
fi
systemctl enable --quiet $agent
if ! systemctl $action $agent; then
    echo "the agent does not start: $(journalctl -u $agent -n 1 -o cat --no-pager)" >&2
    exit 1
fi
echo "$want" >.applied
echo "${action}ed the agent"
