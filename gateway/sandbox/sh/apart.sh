# The tests' shell. The token is read before anything of the solution runs, and
# said back where the tests end with status 0; descriptor 3 is closed in every
# shell that runs the solution.
IFS= read -r -N 32 -u 3 PREFIX_token
PREFIX_call() {
  "$BASH" -c '. "$0" >/dev/null 2>&1 </dev/null; "$@"' SOLUTION "$@" 3>&-
}
# functions
PREFIX_end() {
  PREFIX_status=$?
  if [ "$PREFIX_status" = 0 ]; then
    printf %s "$PREFIX_token" >&3
  else
    printf 'F line %s: %s' "$((PREFIX_line - PREFIX_first))" "$PREFIX_command" >&3
  fi
}
trap 'PREFIX_line=$LINENO PREFIX_command=$BASH_COMMAND' ERR
trap 'PREFIX_end' EXIT
PREFIX_line=0 PREFIX_command='exit' PREFIX_first=$LINENO
set -e
# tests
