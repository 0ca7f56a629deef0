#!/bin/sh
# Runs a command as root: as it is for root, else through sudo, which may ask its password at a
# terminal of somebody whom it knows. Without that the command runs as it is and says what it lacks.
# Root uses its own home, and leaves no files of its own in the clone, where the user could not
# remove them; pip may still find its index where the user has named one.
if [ "$(id -u)" -eq 0 ]; then
    exec "$@"
elif sudo -n true 2>/dev/null ||
    { [ -t 0 ] && id -nG | tr ' ' '\n' | grep -qxE 'sudo|wheel|admin' && sudo -v; }; then
    index="${PIP_CONFIG_FILE:-$HOME/.config/pip/pip.conf}"
    exec sudo -nHE env PYTHONDONTWRITEBYTECODE=1 PIP_CONFIG_FILE="$index" "$@"
fi
exec "$@"
