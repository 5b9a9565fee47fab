#compdef az-checks
# In ~/.zshrc, behind compinit:  source <(az-checks completion zsh)
autoload -U +X bashcompinit && bashcompinit
_az_checks() {
    local command=$1 current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} typed='' word words='' kind=''
    # bash takes = for a word of its own
    if [[ $current == '=' ]]; then current=''; elif [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $typed/$word in
            /run | /nightly | /init | /doctor | /collect | /compare | /plan | /explain | /report | /apply | /lab | /completion | /manual) typed=$word ;;
            report/list | report/show | report/diff | report/site | report/compliance | report/sign | report/verify) typed+=:$word ;;
        esac
    done
    COMPREPLY=()
    case $typed:$before in
        run:--inventory) kind=files ;;
        run:--datacenter) kind= ;;
        run:--waivers) kind=files ;;
        run:--runs) kind=folders ;;
        run:--compare) words='full keys off' ;;
        run:--evidence) kind=runs ;;
        run:--max-age) kind= ;;
        run:--wait) kind= ;;
        run:--wait-for) kind=checks ;;
        run:--output) words='json nagios' ;;
        run:--metrics) kind=files ;;
        run:-k) kind= ;;
        run:-n) kind= ;;
        run:--alluredir) kind=folders ;;
        run:--junitxml) kind=files ;;
        nightly:--deadline) kind= ;;
        nightly:--inventory) kind=files ;;
        nightly:--datacenter) kind= ;;
        nightly:--waivers) kind=files ;;
        nightly:--runs) kind=folders ;;
        nightly:--compare) words='full keys off' ;;
        nightly:--wait) kind= ;;
        nightly:--wait-for) kind=checks ;;
        nightly:--output) words='json nagios' ;;
        nightly:--metrics) kind=files ;;
        nightly:-k) kind= ;;
        nightly:-n) kind= ;;
        nightly:--alluredir) kind=folders ;;
        nightly:--junitxml) kind=files ;;
        init:-o | init:--output) kind=files ;;
        collect:--datacenter) kind= ;;
        collect:-o | collect:--output) kind=files ;;
        collect:--knowing) kind=runs ;;
        compare:--keep) kind=files ;;
        plan:--only) kind=checks ;;
        plan:--script) kind=folders ;;
        plan:--runs) kind=folders ;;
        explain:--run) kind=runs ;;
        explain:--runs) kind=folders ;;
        report:--runs) kind=folders ;;
        report:list:--last) kind= ;;
        report:site:--last) kind= ;;
        report:compliance:--out) kind=files ;;
        report:sign:--key) kind=files ;;
        report:verify:--signers) kind=files ;;
        apply:--only) kind=checks ;;
        apply:--stage) kind= ;;
        apply:--runs) kind=folders ;;
        lab:--datacenters) kind= ;;
        lab:--candidate) kind= ;;
        lab:--regions) kind= ;;
        lab:--instances) kind= ;;
        lab:--servers) kind= ;;
        lab:--accounts) kind= ;;
        lab:--ufds-pace) kind= ;;
        lab:--forced-command) kind=files ;;
        lab:--fault) kind= ;;
        lab:--conformance) kind= ;;
        *)
            case $typed in
                '') words='run nightly init doctor collect compare plan explain report apply lab completion manual --help' ;;
                run) words='--preflight --postchange --nightly --inventory --datacenter --waivers --runs --compare --timeline --evidence --max-age --wait --wait-for --output --metrics --notify-test -k -n -v -q -x --collect-only --alluredir --junitxml' kind=files ;;
                nightly) words='--deadline --inventory --datacenter --waivers --runs --compare --timeline --wait --wait-for --output --metrics --notify-test -k -n -v -q -x --collect-only --alluredir --junitxml' kind=files ;;
                init) words='-h --help -o --output' ;;
                doctor) words='-h --help' kind=files ;;
                collect) words='-h --help --datacenter -o --output --no-directories --knowing' kind=files ;;
                compare) words='-h --help --keep' kind=files ;;
                plan) words='-h --help --only --json --copy --script --runs' kind=runs ;;
                explain) words='--run --runs' kind=checks ;;
                report) words='-h --help --runs list show diff site compliance sign verify' ;;
                report:list) words='-h --help --last' ;;
                report:show) words='-h --help' kind=runs ;;
                report:diff) words='-h --help --all' kind=runs ;;
                report:site) words='-h --help --last' kind=folders ;;
                report:compliance) words='-h --help --out' kind=runs ;;
                report:sign) words='-h --help --key' kind=runs ;;
                report:verify) words='-h --help --signers' kind=runs ;;
                apply) words='-h --help --only --stage --yes --runs --break-lock --resume --undo --dry-run' kind=runs ;;
                lab) words='-h --help --datacenters --uncoupled --candidate --regions --instances --servers --accounts --ufds-pace --manta --openssh --forced-command --fault --list-faults --verbose --conformance' ;;
                completion) words='-h --help bash zsh checks runs' ;;
                manual) words='-h --help' ;;
            esac
            [[ $current == -* ]] && kind=''
            ;;
    esac
    case $kind in
        files) COMPREPLY=($(compgen -f -- "$current")) ;;
        folders) COMPREPLY=($(compgen -d -- "$current")) ;;
        runs) words+=" $("$command" completion runs 2> /dev/null)" ;;
        checks) words+=" $("$command" completion checks 2> /dev/null)" ;;
    esac
    case $kind in
        files | folders) type compopt > /dev/null 2>&1 && compopt -o filenames 2> /dev/null ;;
    esac
    COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -F _az_checks az-checks
