# SPDX-License-Identifier: Apache-2.0
# Shell completion from verbs.def, options.def and actions.def, in that order: awk -f completion.awk -v shell=bash|zsh.
# Knows no verb and no option by name.
function quoted(n,   parts) { split($0, parts, "\""); return parts[2 * n] }
function single(text) { gsub(/'/, "'\\''", text); return text }
function bracket(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/\[/, "\\[", text)
	gsub(/\]/, "\\]", text)
	gsub(/:/, "\\:", text)
	return single(text)
}
function values_bash(arg) {
	if (arg ~ /^[a-z|]+$/) { gsub(/\|/, " ", arg); return "compgen -W '" arg "' -- \"$word\"" }
	if (arg ~ /DIR/) return "compgen -d -- \"$word\""
	if (arg ~ /FILE|PATH/) return "compgen -f -- \"$word\""
	if (arg ~ /ACTION/) return "compgen -W '" actions "' -- \"$word\""
	if (arg ~ /VERB/) return "compgen -W '" words "' -- \"$word\""
	return ":"
}
function values_zsh(arg) {
	if (arg ~ /^[a-z|]+$/) { gsub(/\|/, " ", arg); return "(" arg ")" }
	if (arg ~ /DIR/) return "_files -/"
	if (arg ~ /FILE|PATH/) return "_files"
	if (arg ~ /ACTION/) return "(" actions ")"
	if (arg ~ /VERB/) return "(" words ")"
	return " "
}
/^PW_VERB\(/ { verb[++verbs] = quoted(1); args[verbs] = quoted(2); vhelp[verbs] = quoted(3); words = words (words ? " " : "") quoted(1) }
/^PW_OPTION\(/ { of[++options] = quoted(1); name[options] = quoted(2); arg[options] = quoted(3); ohelp[options] = quoted(4) }
/^PW_ACTION\(/ { actions = actions (actions ? " " : "") quoted(1) }
function bash(   v, o, list) {
	print "# polyward completion for bash; made from the tables that the program is made from."
	print "_polyward()\n{"
	print "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb= i"
	print "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase ${COMP_WORDS[i]} in --*) ;; *) verb=${COMP_WORDS[i]}; break ;; esac\n\tdone"
	print "\tcase \"$verb $before\" in"
	for (o = 1; o <= options; o++)
		if (arg[o] != "")
			print "\t\"" of[o] " --" name[o] "\") COMPREPLY=($(" values_bash(arg[o]) ")); return ;;"
	print "\tesac"
	print "\tcase $verb in"
	list = ""
	for (o = 1; o <= options; o++)
		if (of[o] == "")
			list = list " --" name[o]
	print "\t'') COMPREPLY=($(compgen -W '" words list " --version' -- \"$word\")) ;;"
	for (v = 1; v <= verbs; v++) {
		list = ""
		for (o = 1; o <= options; o++)
			if (of[o] == verb[v] || of[o] == "")
				list = list (list ? " " : "") "--" name[o]
		print "\t" verb[v] ")\n\t\tcase $word in\n\t\t-*) COMPREPLY=($(compgen -W '" list "' -- \"$word\")) ;;"
		print "\t\t*) COMPREPLY=($(" values_bash(args[v]) ")) ;;\n\t\tesac ;;"
	}
	print "\tesac\n}\ncomplete -o filenames -F _polyward polyward"
}
function zsh(   v, o) {
	print "#compdef polyward"
	print "# polyward completion for zsh; made from the tables that the program is made from."
	print "_polyward()\n{\n\tlocal -a verbs=("
	for (v = 1; v <= verbs; v++)
		print "\t\t'" single(verb[v]) ":" single(vhelp[v]) "'"
	print "\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi"
	print "\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in"
	for (v = 1; v <= verbs; v++) {
		printf "\t%s) _arguments", verb[v]
		for (o = 1; o <= options; o++)
			if (of[o] == verb[v] || of[o] == "")
				printf " \\\n\t\t'--%s%s[%s]%s'", name[o], arg[o] == "" ? "" : "=", bracket(ohelp[o]),
				       arg[o] == "" ? "" : ":" bracket(arg[o]) ":" values_zsh(arg[o])
		if (args[v] != "")
			printf " \\\n\t\t'*:%s:%s'", bracket(args[v]), values_zsh(args[v])
		print " ;;"
	}
	print "\tesac\n}\n_polyward \"$@\""
}
END { if (shell == "zsh") zsh(); else bash() }
