# Sent by triton-az-checks into a zone; reads, connects, prints, and changes nothing.
# Arguments: seconds; then any of  file:PATH  tcp:HOST:PORT  udp:HOST:PORT (DNS, port 53)  manifests:FOLDER
# Runs on illumos with bash 4.3: no newer bash, no GNU tool, nothing but what a zone of Triton has.
export LC_ALL=C
LIMIT=1048576

tool() {
    type -P "$1" || printf '/usr/sbin/%s\n' "$1"
}

show_file() {
    local path=$1 content=
    if [[ ! -e $path ]]; then
        printf 'nofile\t%s\n' "$path"
    elif ! { IFS= read -r -d '' -n "$LIMIT" content || [[ -n $content || ! -s $path ]]; } 2>/dev/null < "$path"; then
        printf 'unreadable\t%s\n' "$path"
    else
        printf 'file\t%s\t%s\n%s\n' "$path" "${#content}" "$content"
    fi
}

# A manifest of the zone's own image, if it is for one of the wanted files: config-agent prefers it to SAPI's.
show_manifests() {
    local folder=$1 manifest content path
    for manifest in "$folder"/sapi_manifests/*/manifest.json; do
        [[ -f $manifest ]] || continue
        content=
        IFS= read -r -d '' -n "$LIMIT" content 2>/dev/null < "$manifest"
        for path in "${files[@]}"; do
            if [[ $content == *"\"$path\""* ]]; then
                show_file "$manifest"
                show_file "${manifest%/*}/template"
                break
            fi
        done
    done
}

show_route() {
    local host=$1 line key value destination= mask= gateway= interface=
    while read -r key value; do
        case $key in
            destination:) destination=$value ;;
            mask:) mask=$value ;;
            gateway:) gateway=$value ;;
            interface:) interface=$value ;;
        esac
    done < <("$route" -n get "$host" 2>/dev/null < /dev/null)
    printf 'route\t%s\t%s\t%s\t%s\t%s\n' "$host" "$destination" "$mask" "$gateway" "$interface"
}

probe_tcp() {
    local host=$1 port=$2 text
    if text=$({ exec 3<> "/dev/tcp/$host/$port"; } 2>&1); then
        printf 'probe\ttcp\t%s\t%s\t0\t\n' "$host" "$port"
    else
        text=${text//$'\n'/ }
        printf 'probe\ttcp\t%s\t%s\t1\t%.300s\n' "$host" "$port" "${text//$'\t'/ }"
    fi
}

probe_udp() {
    local host=$1 port=$2 text code
    text=$("$dig" "@$host" +notcp "+time=$seconds" +tries=1 +norecurse probe.invalid A 2>&1 < /dev/null)
    code=$?
    text=${text//$'\n'/ }
    printf 'probe\tudp\t%s\t%s\t%s\t%.600s\n' "$host" "$port" "$code" "${text//$'\t'/ }"
}

show_services() {
    printf 'services\n'
    svcs -aH -o state,stime,fmri < /dev/null
    printf 'endservices\t%s\n' "$?"
}

# When the time is over, ends what still runs, each with all its children (job control gives each its own process group).
watch() {
    local pid
    sleep "$seconds"
    for pid in "$@"; do
        kill -KILL -- "-$pid"
    done
}

main() {
    local seconds=$1 route dig word host port index watcher
    local -a files=() pids=() names=()
    local -A hosts=()
    shift
    set -m
    route=$(tool route)
    dig=$(tool dig)
    for word in "$@"; do
        case $word in
            file:*) files+=("${word#file:}") ;;
            tcp:* | udp:*)
                host=${word#*:}
                port=${host##*:}
                host=${host%:*}
                "probe_${word%%:*}" "$host" "$port" &
                pids+=("$!")
                names+=("${word%%:*}"$'\t'"$host"$'\t'"$port")
                if [[ -z ${hosts[$host]:-} ]]; then
                    hosts[$host]=1
                    show_route "$host" &
                    pids+=("$!")
                    names+=('')
                fi
                ;;
        esac
    done
    if ((${#pids[@]})); then
        watch "${pids[@]}" > /dev/null < /dev/null &
        watcher=$!
        for index in "${!pids[@]}"; do
            wait "${pids[index]}"
            if (($? == 137)) && [[ -n ${names[index]} ]]; then
                printf 'probe\t%s\ttimeout\t\n' "${names[index]}"
            fi
        done
        kill -KILL -- "-$watcher"
    fi
    for word in "${files[@]}"; do
        show_file "$word"
    done
    for word in "$@"; do
        case $word in
            manifests:*) show_manifests "${word#manifests:}" ;;
        esac
    done
    show_services
    printf 'end\n'
}

main "$@" 2>/dev/null
exit 0
