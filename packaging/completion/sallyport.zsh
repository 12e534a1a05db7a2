#compdef sallyport
# SPDX-License-Identifier: Apache-2.0
# Completion of sallyport(8) for zsh.

_sallyport_ids() {
	local -a ids
	ids=(${(f)"$(sallyport sessions --json 2>/dev/null | tail -n 200 | sed -n 's/.*"id": *"\([0-9A-Z]*\)".*/\1/p')"})
	compadd -M 'm:{a-z}={A-Z}' -a ids
}

_sallyport() {
	local -a commands
	local root='--root=[another tree of records]:folder:_directories'
	commands=(
		'policy:check, test or explain the policy'
		'sessions:list recorded sessions, open ones included'
		'replay:show a session again: its terminal, or its events'
		'verify:prove that the records are whole and unchanged'
		'export:write a session as asciicast, for sudo or tlog, or as JSON'
		'search:find a text in all sessions'
		'watch:follow a live session'"'"'s terminal'
		'end:end a live session'
		'pause:stop what flows in a live session'
		'resume:let it flow again'
		'revoke:refuse a person, session, key or token from now on, and end what they have open'
		'unrevoke:take that back'
		'revoked:list who is revoked'
		'quarantine:files that were refused for what is in them'
		'import:take over the settings of opkssh'
		'people:give people accounts and uids, and take them away'
		'host-ca:print the known_hosts line for ssh -J'
		'status:ask the daemons how they are'
		'version:print the version'
		'help:print the list of commands'
	)
	if (( CURRENT == 2 )); then
		_describe command commands
		return
	fi
	local command=$words[2]
	shift words
	(( CURRENT-- ))
	case $command in
	quarantine)
		_arguments '--dir=[another directory]:folder:_directories' '--json[one object a line]' '1:what:(list show export remove)' '*:copy or file:_files'
		;;
	import)
		_arguments '--dir=[where its files are]:folder:_directories' '--output=[a new file]:file:_files' '1:what:(opkssh)'
		;;
	people)
		_arguments '--issuer=[of their tokens]:url:' '--subject=[in their tokens]:id:' '--full-name=[for passwd]:text:' \
			'--groups=[all of them]:names:' '--home=[of theirs]:folder:_directories' '--no-create-home[make none]' \
			'--uid=[to have]:number:' '--gid=[to have]:number:' '--name=[from now on]:name:' '--all[with those removed]' \
			'1:what:(add change disable enable remove group list import range enumerate write)' '2:name:'
		;;
	policy)
		if (( CURRENT == 2 )); then
			compadd check test explain
		elif [[ $words[2] == explain ]]; then
			shift words
			(( CURRENT-- ))
			_arguments '--dir=[the policy]:folder:_directories' '(--groups)--as=[claims, as JSON]:file:_files' \
				'(--as)--groups=[groups of the person]:groups:' '--from=[where the person is]:address:' \
				'--on=[the connection]:connection:' '*:statement:'
		else
			_directories
		fi
		;;
	sessions)
		_arguments '--user=[login name or email]:user:' '--connection=[a target]:connection:' \
			'--state=[how it stands]:state:(open closed crashed damaged)' '--since=[begun since]:2h or date:' \
			'--until=[begun before]:2h or date:' '--json[one object a line]' $root
		;;
	replay)
		_arguments '(--text)--events[every event in a line]' '(--events)--text[plain text]' '--speed=[at the start]:times:' \
			'--idle=[longest pause]:seconds:' $root '1:session:_sallyport_ids'
		;;
	search)
		_arguments '--limit=[lines at most]:number:' '--json[one object a line]' '--index=[another index]:file:_files' $root \
			'1:text:'
		;;
	revoke)
		_arguments '--reason=[one line]:reason:' '(--until)--for=[for a time]:2h:' '(--for)--until=[until then]:date:' \
			'--issuer=[who vouches for them]:URL:' '--session=[the key of its login]:session:_sallyport_ids' \
			'--key=[a public key, certificate or fingerprint]:file:_files' '--jti=[a token]:id:' '1:person:'
		;;
	unrevoke)
		_arguments '--reason=[one line]:reason:' '--issuer=[who vouches for them]:URL:' \
			'--key=[a public key, certificate or fingerprint]:file:_files' '--jti=[a token]:id:' '1:person:'
		;;
	revoked)
		_arguments '--json[one object a line]' '--dir=[another directory]:folder:_directories'
		;;
	watch)
		_arguments $root '1:session:_sallyport_ids'
		;;
	end | pause | resume)
		_arguments '--reason=[for the person and the record]:text:' $root '1:session:_sallyport_ids'
		;;
	verify)
		_arguments '--key=[public keys]:file:_files' '--anchor=[kept elsewhere]:file:_files' '--quiet[only findings]' $root \
			'*:session:_sallyport_ids'
		;;
	export)
		_arguments '--format=[what to write]:format:(asciicast json sudo tlog)' '--output=[a new file]:file:_files' $root \
			'1:session:_sallyport_ids'
		;;
	esac
}

_sallyport "$@"
