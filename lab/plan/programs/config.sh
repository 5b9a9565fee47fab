# /lib/sdc/config.sh of a lab's head node: prints or loads /usbkey/config (`key=value` lines).
# Format of -json and the cache file /tmp/.config.json: as the facts say of Triton's own.
_config=${SDC_CONFIG_FILENAME:-/usbkey/config}
_cache=/tmp/.config.json

_config_lines() {
    grep -E '^[A-Za-z_][A-Za-z0-9_-]*=' "$_config" | sed -e "s/='\\(.*\\)'\$/=\\1/" -e 's/="\(.*\)"$/=\1/'
    echo "config_inc_dir=${_config}.inc"
}

_config_json() {
    if [[ ! -f $_cache || $_config -nt $_cache ]]; then
        {
            echo "{"
            _config_lines | awk '{ at = index($0, "="); lead = NR == 1 ? "    " : "  , ";
                printf "%s\"%s\": \"%s\"\n", lead, substr($0, 1, at - 1), substr($0, at + 1) }'
            echo "}"
        } > "$_cache.$$" && mv "$_cache.$$" "$_cache"
    fi
    cat "$_cache"
}

load_sdc_config() {
    local line
    while IFS= read -r line; do
        printf -v "CONFIG_${line%%=*}" '%s' "${line#*=}"
    done < <(_config_lines)
}

if [[ ${1-} == "-json" ]]; then
    _config_json
fi
