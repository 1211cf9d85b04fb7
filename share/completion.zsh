#compdef verimail verimaild verimail-milter
# SPDX-License-Identifier: ISC
# Completion for zsh. It offers what the help of the program says, and so knows every subcommand and option.

_verimail_commands() { # PROGRAM: NAME:SUMMARY
    "$1" help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]*) +([a-z].*)/\1:\2/p'
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
    local program=$words[1] current=$words[CURRENT] previous=$words[CURRENT-1] command= help value=
    local -a offered
    local -i i
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
        -c | --config) ((i++)) ;;
        -*) ;;
        *)
            command=$words[i]
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
    -*) value=$(_verimail_value $previous <<<$help) ;;
    esac
    if [[ $value == FILE ]]; then
        _files
    elif [[ -n $value ]]; then
        return 1
    elif [[ $current == -* ]]; then
        offered=(${(f)"$(_verimail_options <<<$help)"})
        compadd -a offered
    elif [[ -z $command || $command == help ]]; then
        offered=(${(f)"$(_verimail_commands $program)"})
        _describe command offered
    else
        offered=(${(f)"$(_verimail_words <<<$help)"})
        if [[ $previous == $command && -n $offered ]]; then compadd -a offered; else _files; fi
    fi
}
_verimail "$@"
