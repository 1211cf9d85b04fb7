# SPDX-License-Identifier: ISC
# Completion for bash. It offers what the help of the program says, and so knows every subcommand and option.

_verimail_commands() { # PROGRAM
    "$1" help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]*) +[a-z].*/\1/p'
}
# The words that a usage line begins an operand with, as in `service|host|classic FILE`.
_verimail_words() { # the help, on standard input
    sed -nE '1s/^usage: [^ ]+ \[-c FILE\] [a-z-]+//p' | sed -E 's/--[a-z-]+( [^] ]+)?//g' |
        grep -oE '(^|[] |[])[a-z][a-z-]+' | tr -d ' []|'
}
# Those of the usage line, and those that a line of the list begins with.
_verimail_options() { # the help, on standard input
    sed -nE '1s/^usage: [^ ]+ (\[-c FILE\] )?//p; s/^  ([^ ].*)/\1/p' | sed 's/  .*//' |
        grep -oE '(^|[[ ,|])--?[a-zA-Z][a-z-]*' | tr -d '[ ,|' | sort -u
}
# What an option takes, as `--html FILE`; nothing for a flag.
_verimail_value() { # OPTION; the help, on standard input
    grep -oE -- "(^|[ [,])$1 [A-Z][A-Z]*" | sed 's/.* //' | head -n 1
}

_verimail() {
    local program=$1 current=$2 previous=$3 command= help value i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config) ((i++)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    case $program in
    *verimail) help=$("$program" help $command 2>/dev/null) ;;
    *) help=$("$program" --help 2>/dev/null) command=none ;;
    esac
    case $previous in
    -c | --config) value=FILE ;;
    -*) value=$(_verimail_value "$previous" <<<"$help") ;;
    esac
    if [[ $value == FILE ]]; then
        compopt -o default
    elif [[ $value ]]; then
        return
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(_verimail_options <<<"$help")" -- "$current"))
    elif [[ ! $command || $command == help ]]; then
        COMPREPLY=($(compgen -W "$(_verimail_commands "$program")" -- "$current"))
    elif [[ $previous == "$command" ]]; then
        COMPREPLY=($(compgen -W "$(_verimail_words <<<"$help")" -- "$current"))
        [[ ${COMPREPLY[*]} ]] || compopt -o default
    else
        compopt -o default
    fi
}
complete -F _verimail verimail verimaild verimail-milter
