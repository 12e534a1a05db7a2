# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion of sallyport(8) for bash.

_sallyport_ids() { # session ids that begin with $1, the newest 200
	sallyport sessions --json 2>/dev/null | tail -n 200 | sed -n "s/.*\"id\": *\"\\($1[0-9A-Z]*\\)\".*/\\1/p"
}

_sallyport() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=""
	case $prev in
	--root | --dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--key | --anchor | --output | --as) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--format) words="asciicast json sudo tlog" ;;
	--state) words="open closed crashed damaged" ;;
	--user | --reason | --limit | --index | --connection | --since | --until | --speed | --idle | --groups | --on | --from | --for | --issuer | --jti | --session) return ;;
	esac
	if [ -z "$words" ]; then
		case $COMP_CWORD:${COMP_WORDS[1]} in
		1:*) words="policy sessions replay search watch end pause resume revoke unrevoke revoked verify export quarantine import people host-ca status version help" ;;
		2:policy) words="check test explain" ;;
		2:quarantine) words="list show export remove --dir" ;;
		*:quarantine) words="--json --dir" ;;
		2:import) words="opkssh" ;;
		*:import) words="--dir --output" ;;
		2:people) words="add change disable enable remove group list import range enumerate write" ;;
		*:people) words="--issuer --subject --full-name --groups --home --no-create-home --uid --gid --name --all" ;;
		*:policy)
			case ${COMP_WORDS[2]} in
			explain) words="--dir --as --groups --from --on" ;;
			*) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
			esac
			;;
		*:sessions) words="--user --connection --state --since --until --json --root" ;;
		*:replay) words="--events --text --speed --idle --root" ;;
		*:search) words="--limit --json --index --root" ;;
		*:watch) words="--root" ;;
		*:end | *:pause | *:resume) words="--reason --root" ;;
		*:revoke) words="--reason --for --until --issuer --session --key --jti" ;;
		*:unrevoke) words="--reason --issuer --key --jti" ;;
		*:revoked) words="--json --dir" ;;
		*:verify) words="--key --root --anchor --quiet" ;;
		*:export) words="--format --output --root" ;;
		esac
		case $COMP_CWORD:${COMP_WORDS[1]}:$cur in
		1:* | *:-*) ;;
		*:replay:* | *:watch:* | *:end:* | *:pause:* | *:resume:* | *:verify:* | *:export:*) words+=" $(_sallyport_ids "${cur^^}")"; cur=${cur^^} ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _sallyport sallyport
