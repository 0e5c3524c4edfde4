# bash completion for fourstate. Written by make docs from the table of options.

_fourstate() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  # The shell splits --option=value at the equals sign.
  [[ $cur == = ]] && cur=
  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
  COMPREPLY=()
  case $prev in
    --listen) return ;;
    --reverse) return ;;
    --files) return ;;
    --redirect) return ;;
    --metrics) return ;;
    --console) return ;;
    --relay) return ;;
    --echo) return ;;
    --allow) return ;;
    --deny) return ;;
    --users) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --client-connections) return ;;
    --client-requests) return ;;
    --client-bytes) return ;;
    --parent) return ;;
    --no-parent) return ;;
    --nameserver) return ;;
    --name) return ;;
    --via) mapfile -t COMPREPLY < <(compgen -W 'off' -- "$cur"); return ;;
    --charset) mapfile -t COMPREPLY < <(compgen -W 'utf-8' -- "$cur"); return ;;
    --connect-ports) mapfile -t COMPREPLY < <(compgen -W 'none' -- "$cur"); return ;;
    --upgrade) mapfile -t COMPREPLY < <(compgen -W 'websocket all none' -- "$cur"); return ;;
    --trusted-proxies) return ;;
    --http-ports) mapfile -t COMPREPLY < <(compgen -W 'none' -- "$cur"); return ;;
    --http) mapfile -t COMPREPLY < <(compgen -W '1.0 1.1' -- "$cur"); return ;;
    --keep-upstreams) return ;;
    --access-log) mapfile -t COMPREPLY < <(compgen -f -W '- syslog off' -- "$cur"); return ;;
    --log-format) mapfile -t COMPREPLY < <(compgen -W 'own common combined json' -- "$cur"); return ;;
    --max-requests) return ;;
    --max-head) return ;;
    --max-fields) return ;;
    --max-body) return ;;
    --buffers) return ;;
    --drain) return ;;
    --takeover) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --group) return ;;
    --config) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --trace-entries) return ;;
    --record) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --record-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --lens) mapfile -t COMPREPLY < <(compgen -W 'slow-reader crumbs bad-line' -- "$cur"); return ;;
    --idle-timeout) return ;;
    --keep-alive-timeout) return ;;
    --head-timeout) return ;;
    --body-timeout) return ;;
    --resolve-timeout) return ;;
    --attempt-delay) return ;;
    --connect-timeout) return ;;
    --send-timeout) return ;;
    --answer-timeout) return ;;
    --stream-timeout) return ;;
    --half-closed-timeout) return ;;
    --reader-timeout) return ;;
    --tunnel-timeout) return ;;
    --linger-timeout) return ;;
    --client) return ;;
    -H) return ;;
    --port) return ;;
    --slot) return ;;
    --from) return ;;
    --to) return ;;
    --at) return ;;
    --format) mapfile -t COMPREPLY < <(compgen -W 'text chrome har' -- "$cur"); return ;;
    --user) return ;;
  esac
  local files=
  local options='--listen --reverse --files --redirect --metrics --console --no-console --relay --echo --allow --deny --users --client-connections --client-requests --client-bytes --parent --no-parent --nameserver --name --via --charset --gzip --connect-ports --upgrade --trusted-proxies --http-ports --http --keep-upstreams --access-log --log-format --max-requests --max-head --max-fields --max-body --buffers --drain --takeover --user --group --reuse-port --sandbox --no-sandbox --request-id --server-timing --config --check --verbose -v --verbose-calls -vv --trace-entries --record --record-dir --lens --help -h --version --idle-timeout --keep-alive-timeout --head-timeout --body-timeout --resolve-timeout --attempt-delay --connect-timeout --send-timeout --answer-timeout --stream-timeout --half-closed-timeout --reader-timeout --tunnel-timeout --linger-timeout'
  case ${COMP_WORDS[1]} in
    explain) (( COMP_CWORD > 1 )) && options="$options --client -H" ;;
    replay) (( COMP_CWORD > 1 )) && options="--port --text --calls --slot --from --to --at --format --help" files=-f ;;
    doctor) (( COMP_CWORD > 1 )) && options="--json --user --help" files=-f ;;
    top) (( COMP_CWORD > 1 )) && options="--once --user --help" files=-f ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif (( COMP_CWORD == 1 )); then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -W 'explain replay doctor top' -- "$cur")
  elif [[ $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
} &&
  complete -F _fourstate fourstate
