# Sent by triton-az-checks into a zone; reads, connects, prints, and changes nothing.
# Arguments: seconds; then any of  file:PATH  tcp:HOST:PORT  tls:HOST:PORT  udp:HOST:PORT and loss:HOST:PORT (DNS, port 53)
# size:HOST:BYTES  route:HOST  manifests:FOLDER  began:SERVICE
# Runs on illumos with bash 4.3: no newer bash, no GNU tool, nothing but what a zone of Triton has.
export LC_ALL=C
LIMIT=1048576
LOG=16384
QUERY='%sZ\0\0\0\1\0\0\0\0\0\0\5probe\7invalid\0\0\1\0\1'

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

# When a file was last written: `ls -E` is illumos's own, and prints `2026-01-02 03:04:05.123456789 +0000`.
show_written() {
    printf 'written\t%s\t%s\n' "$1" "$(TZ=UTC /usr/bin/ls -E "$1" 2>/dev/null < /dev/null)"
}

# When the start method of each instance of a service last ran.
show_began() {
    local property kind value
    while read -r property kind value; do
        printf 'began\t%s\t%s\n' "${property%%/:properties/*}" "$value"
    done < <(svcprop -f -p restarter/start_method_timestamp "$1:*" 2>/dev/null < /dev/null)
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

# Prints what became of `ask_PROTOCOL HOST PORT`, and ends as that did: with 0 only if the port is open.
probe() {
    local text code
    exec 4>&1
    text=$("ask_$1" "$2" "$3" 2>&1)
    code=$?
    text=${text//$'\n'/ }
    printf 'probe\t%s\t%s\t%s\t%s\t%.300s\n' "$1" "$2" "$3" "$((code != 0))" "${text//$'\t'/ }"
    return "$code"
}

ask_tcp() {
    exec 3<> "/dev/tcp/$1/$2"
}

# A DNS query for probe.invalid, sent once a second until the first byte of an answer comes: that of the query's id.
# In bash alone: a dig for each of twenty datacenters' binders would be twenty programs started at once.
ask_udp() {
    local byte code
    exec 3<> "/dev/udp/$1/$2" || return
    while :; do
        printf "$QUERY" A >&3 || return
        IFS= read -r -t 1 -N 1 -u 3 byte
        code=$?
        if ((code == 0)); then
            [[ $byte == A ]] && return
            printf 'what answers is not a DNS server\n' >&2
            return 1
        fi
        ((code <= 128)) && return "$code" # else the second is over
    done
}

# A connect takes small packets alone. The answer to a client's hello holds the certificate, so it takes large ones.
ask_tls() {
    ask_tcp "$1" "$2" || return
    printf 'halfway\ttls\t%s\t%s\n' "$1" "$2" >&4
    openssl s_client -connect "$1:$2" > /dev/null 2>&1 < /dev/null
    return 0 # what it thinks of the certificate is not the question
}

small() {
    "$ping" "$1" 2 > /dev/null 2>&1 < /dev/null
}

# One packet of so many bytes, and how long it was away: ping prints `1480 bytes from 10.2.2.29: icmp_seq=0. time=1.234 ms`.
sent_once() {
    local said
    said=$("$ping" -s -n "$1" "$2" 1 2>/dev/null < /dev/null) || return
    [[ $said =~ time=([0-9.]+)\ ms ]]
    printf '%s\n' "${BASH_REMATCH[1]:+${BASH_REMATCH[1]} ms}"
}

# Whether a packet with so many bytes comes back: the first of two. Without an answer to a small one nothing is known: some networks drop all.
# A zone with much to do is slow to send, too. So a large one is late only when two small ones, sent after it, one by one, have come back.
ask_size() {
    local away
    small "$1" || return 0
    exec 5< <(exec 2> /dev/null 4>&-; sent_once "$1" "$2" & sent_once "$1" "$2"; wait)
    { small "$1" && small "$1"; } || return 0
    printf 'halfway\tsize\t%s\t%s\n' "$1" "$2" >&4
    IFS= read -r -u 5 away && printf '%s\n' "$away"
}

# Sends a score of DNS queries at once. If answers lack, a second score follows one by one: a server with much to do loses of a burst, and
# a path that loses does so again. Fails if two or more of all lack, and one of the second score; prints how many.
ask_loss() {
    local byte first=0 second=0 sent=20
    exec 3<> "/dev/udp/$1/$2" || return
    for byte in A B C D E F G H I J K L M N O P Q R S T; do
        printf "$QUERY" "$byte" >&3 || return
    done
    count_answers 2
    ((first == 0)) && return 2 # then nothing is known
    ((first == sent)) && return 0
    for byte in a b c d e f g h i j k l m n o p q r s t; do
        printf "$QUERY" "$byte" >&3 || return
        sent=$((sent + 1))
        count_answers 0.02
    done
    count_answers 2
    ((second == 0)) && return 2 # it fell silent
    ((sent - first - second < 2 || second == 20)) && return 0
    printf '%s of %s datagrams\n' "$((sent - first - second))" "$sent" >&2
    return 1
}

# Counts what comes, until all have come or nothing came for so many seconds.
count_answers() {
    local byte
    while ((first + second < sent)) && IFS= read -r -t "$1" -N 1 -u 3 byte; do
        case $byte in
            [[:upper:]]) first=$((first + 1)) ;;
            *) second=$((second + 1)) ;;
        esac
    done
}

# The services, and of the first ten that are neither online nor disabled the end of the log.
show_services() {
    local listing code state rest logs=0
    listing=$(svcs -aH -o state,stime,fmri < /dev/null)
    code=$?
    printf 'services\n%s\nendservices\t%s\n' "$listing" "$code"
    while read -r state rest; do
        case $state in
            online | disabled | legacy_run | '') ;;
            *) ((logs++ < 10)) && show_log "${rest##* }" ;;
        esac
    done < <(printf '%s\n' "$listing") # no here-string: bash 4.3 would write a file for it
}

show_log() {
    local content file=${1#svc:/}
    content=$(/usr/bin/tail -60 "/var/svc/log/${file//\//-}.log" 2>/dev/null < /dev/null)
    ((LOG < ${#content})) && content=${content: -LOG}
    printf 'log\t%s\t%s\n%s\n' "$1" "${#content}" "$content"
}

# With -v netstat prints masks too, without which a route to a network is like one to a host.
show_kernel() {
    printf 'kernel\n'
    netstat -rnv -f inet < /dev/null
    printf 'endkernel\t%s\n' "$?"
}

# When the time is over, ends what still runs, each with all its children (job control gives each its own process group).
watch() {
    local pid
    sleep "$seconds"
    for pid in "$@"; do
        kill -KILL -- "-$pid"
    done
}

# Starts what it is given, each in a process group of its own, and waits until all have ended or the time is over.
# Each argument is a function and its arguments, separated by tabs; unopened gets those that did not end with 0.
run_all() {
    local pids=() job index watcher code parts
    for job in "$@"; do
        IFS=$'\t'
        parts=($job) # no here-string: bash 4.3 would write a file for it
        IFS=$' \t\n'
        "${parts[@]}" &
        pids+=("$!")
    done
    watch "${pids[@]}" > /dev/null < /dev/null &
    watcher=$!
    unopened=()
    for index in "${!pids[@]}"; do
        wait "${pids[index]}"
        code=$?
        kill -KILL -- "-${pids[index]}" 2> /dev/null # what it did not wait for
        ((code)) && unopened+=("$code"$'\t'"${@:index + 1:1}")
    done
    kill -KILL -- "-$watcher"
}

main() {
    local seconds=$1 route ping word host
    local -a files=() probes=() routes=() unopened=()
    local -A hosts=()
    shift
    set -m
    route=$(tool route)
    ping=$(tool ping)
    for word in "$@"; do
        case $word in
            file:*) files+=("${word#file:}") ;;
            tcp:* | tls:* | udp:* | size:* | loss:*)
                host=${word#*:}
                probes+=("probe"$'\t'"${word%%:*}"$'\t'"${host%:*}"$'\t'"${host##*:}")
                ;;
            route:*)
                host=${word#route:}
                hosts[$host]=1
                routes+=("show_route"$'\t'"$host")
                ;;
        esac
    done
    if ((${#probes[@]})); then
        run_all "${probes[@]}"
        for word in "${unopened[@]}"; do
            if [[ ${word%%$'\t'*} == 137 ]]; then
                printf 'probe\t%s\ttimeout\t\n' "${word#*probe$'\t'}"
            fi
            host=${word%$'\t'*}
            host=${host##*$'\t'}
            if [[ -z ${hosts[$host]:-} ]]; then
                hosts[$host]=1
                routes+=("show_route"$'\t'"$host")
            fi
        done
    fi
    ((${#routes[@]})) && run_all "${routes[@]}"
    for word in "${files[@]}"; do
        show_file "$word"
        show_written "$word"
    done
    for word in "$@"; do
        case $word in
            manifests:*) show_manifests "${word#manifests:}" ;;
            began:*) show_began "${word#began:}" ;;
        esac
    done
    show_kernel
    show_services
    printf 'end\n'
}

main "$@" 2>/dev/null
exit 0
