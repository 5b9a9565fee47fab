# /lib/sdc/config.sh of a lab's head node.  As in smartos-live:src/lib/sdc/config.sh, root's bash *evaluates* /usbkey/config,
# all its lines as one command. The shell acts upon what is not quoted there, and one bad line spoils others.
_config=${SDC_CONFIG_FILENAME:-/usbkey/config}
_cache=/tmp/.config.json

_config_lines() {
    (cat "$_config"; echo "config_inc_dir=${_config%/*}/config.inc") | sed -e "s/^ *//" | grep -v "^#" | grep "^[a-zA-Z]"
}

load_sdc_config() {
    eval $(_config_lines | sed -e "s/^/CONFIG_/")
}

_config_json() {
    local key value lead="    "
    echo "{"
    load_sdc_config
    for key in $(_config_lines | sed -e "s/=.*//"); do
        value=$(eval "echo \${CONFIG_${key}}")
        echo "${lead}\"${key}\": \"${value}\""
        lead="  , "
    done
    echo "}"
}

if [[ ${1-} == "-json" ]]; then
    if [[ ! -f $_cache || $_config -nt $_cache ]]; then
        (_config_json) > "$_cache.new.$$" && mv "$_cache.new.$$" "$_cache"
    fi
    exec cat "$_cache"
fi
