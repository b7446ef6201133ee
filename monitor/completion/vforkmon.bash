# SPDX-License-Identifier: GPL-2.0
# bash completion for vforkmon                            -*- shell-script -*-

# The place of the first word that is no option after the verb, or nothing.
_vforkmon_operand() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) printf '%d' $((i + 1)); return ;;
		-o | --output | -e | --events | --max-events | --max-procs | --max-depth | --duration | \
			--timeline | --backend | --format | --hold | --timeout | --adopt | --adopt-on | \
			--adopt-ready | --match)
			((i++))
			[ "${COMP_WORDS[i]-}" != '=' ] || ((i++)) ;;
		-*) ;;
		*) printf '%d' "$i"; return ;;
		esac
	done
}

_vforkmon() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' operand
	COMPREPLY=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		words='run attach daemon status release --help --version'
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi

	operand=$(_vforkmon_operand)
	if [ "${COMP_WORDS[1]}" = run ] && [ -n "$operand" ]; then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$operand"
		elif [ "$operand" -eq "$COMP_CWORD" ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -o default -- "$cur")
		fi
		return
	fi

	[ "$prev" != '=' ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$cur" != '=' ] || cur=''
	case $prev in
	-o | --output | --timeline | --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--format)
		words='text json'
		[ "${COMP_WORDS[1]}" = status ] || words+=' csv pipe' ;;
	--hold) words='none vfork fork all' ;;
	--adopt-on) words='birth exec' ;;
	--backend) words='auto module ptrace' ;;
	--adopt-ready) words='ptrace exit notify' ;;
	--match) words='comm= exe= cgroup= unit= depth= uid= !comm= !exe= !cgroup= !unit= !depth= !uid=' ;;
	-e | --events) words='prefork born fork_failed exec exit vfork_done unwatched timeout adopted signal found' ;;
	--timeout | --adopt | --max-events | --max-procs | --max-depth | --duration) return ;;
	esac
	if [ -z "$words" ]; then
		case ${COMP_WORDS[1]}$cur in
		run-* | attach-*)
			words='--output --events --max-events --max-procs
				--max-depth --duration --format --hold --timeout --threads --adopt --adopt-on
				--adopt-ready --match --trace --dap --tree --summary-only --summary --timeline --quiet --backend --help'
			[ "${COMP_WORDS[1]}" = run ] || words+=' --all' ;;
		daemon-*) words='--config --check --help' ;;
		status-*) words='--format --verbose --help' ;;
		release-*) words='--force --all --help' ;;
		run*) mapfile -t COMPREPLY < <(compgen -c -- "$cur"); return ;;
		attach* | release*) words=$(cd /proc && printf '%s ' [1-9]*) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _vforkmon vforkmon
