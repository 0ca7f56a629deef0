# Makes this host's pace even, and back: `tune.sh on` saves what was and changes it, `off` puts it
# back, `show` prints what `on` would change. What is changed here lasts until the next boot, so the
# originals are kept under /run; slotlab-tune.service does it anew at each boot.
set -u
saved=/run/slotlab-tune

governors() { ls /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor 2>/dev/null; }

sleepy_wifi() {
    for folder in /sys/class/net/*/phy80211; do
        [ -e "$folder" ] || continue
        name=${folder%/phy80211}
        name=${name##*/}
        iw dev "$name" get power_save 2>/dev/null | grep -q 'on$' && echo "$name"
    done
}

# A container sees the swap of the machine around it, which is not its own.
swaps() { systemd-detect-virt -cq || tail -n +2 /proc/swaps | cut -d' ' -f1 | cut -f1; }

on() {
    mkdir -p "$saved"
    for file in $(governors); do
        was=$(cat "$file")
        [ "$was" = performance ] && continue
        grep -q "^$file " "$saved/governors" 2>/dev/null || echo "$file $was" >>"$saved/governors"
        echo performance >"$file" || echo "warning: $file does not take performance" >&2
    done
    for name in $(sleepy_wifi); do
        echo "$name" >>"$saved/wifi"
        iw dev "$name" set power_save off
    done
    for device in $(swaps); do
        echo "$device" >>"$saved/swaps"
        swapoff "$device" || echo "warning: $device stays a swap" >&2
    done
    return 0
}

off() {
    failed=0
    [ -e "$saved/governors" ] && while read -r file was; do
        echo "$was" >"$file" || failed=1
    done <"$saved/governors"
    [ -e "$saved/wifi" ] && while read -r name; do
        iw dev "$name" set power_save on || failed=1
    done <"$saved/wifi"
    [ -e "$saved/swaps" ] && while read -r device; do
        grep -q "^$device[[:space:]]" /proc/swaps || swapon "$device" || failed=1
    done <"$saved/swaps"
    rm -rf "$saved"
    return $failed
}

show() {
    for file in $(governors); do
        was=$(cat "$file")
        [ "$was" = performance ] || echo "governor of ${file%/cpufreq*}: $was -> performance"
    done
    for name in $(sleepy_wifi); do echo "power save of $name: on -> off"; done
    for device in $(swaps); do echo "swap on $device: on -> off"; done
}

"$1"
