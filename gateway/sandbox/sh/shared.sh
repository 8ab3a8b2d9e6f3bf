# The tests' shell, with the solution in it: what a solution may have done to the
# shell before the tests is undone, and looked for again after them.
. SOLUTION 3>&-
POSIXLY_CORRECT=1
unset -f -- unset builtin : . [ alias break cd command compgen continue declare echo enable eval exec exit export false getopts hash let local mapfile \
  printf pwd read readarray readonly return set shift shopt source test trap true type typeset unalias wait diff cmp grep egrep fgrep awk sed sort uniq wc \
  cat tr cut head tail expr bc || exit 1
unset POSIXLY_CORRECT
unalias -a
shopt -u expand_aliases
set +o posix
enable [ test echo printf exit trap set unset read builtin command true false let eval return declare
trap - DEBUG RETURN ERR EXIT INT TERM
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
set +exuf
PREFIX_intact() {
  case $- in *e*) ;; *) return 1 ;; esac
  case "$(trap -p DEBUG RETURN EXIT)" in '') ;; *) return 1 ;; esac
  for PREFIX_name in [ test echo printf exit trap set unset read builtin command true false let eval return diff cmp grep; do
    case "$(builtin type -t "$PREFIX_name")" in builtin|file|'') ;; *) return 1 ;; esac
  done
}
PREFIX_leave() {
  PREFIX_status=${1:-0}
  if [ "$PREFIX_status" = 0 ] && PREFIX_intact; then
    IFS= read -r -N 32 -u 3 PREFIX_token
    printf %s "$PREFIX_token" >&3
  fi
  builtin exit "$PREFIX_status"
}
trap 'PREFIX_line=$LINENO; printf "F line %s: %s" "$((PREFIX_line - PREFIX_first))" "$BASH_COMMAND" >&3; builtin exit 1' ERR
PREFIX_first=$LINENO
set -e
# tests
PREFIX_leave 0
