# SPDX-License-Identifier: Apache-2.0
# A manual page with its tables filled in: awk -f tables.awk verbs.def options.def actions.def PAGE.mdoc. A line @VERBS@, @OPTIONS@ (those
# of every verb) or @ACTIONS@ is replaced by mdoc list items; all other lines of the page pass as they are.
function quoted(n,   parts) { split($0, parts, "\""); return parts[2 * n] }
function plain(text) { gsub(/\\/, "\\e", text); gsub(/`/, "\\(oq", text); gsub(/-/, "\\-", text); return text ~ /^[.']/ ? "\\&" text : text }
function option(o) { print ".It Fl Fl " name[o] (arg[o] == "" ? "" : " Ar " arg[o]); print plain(help[o]) "." }
/^PW_VERB\(/ { verb[++verbs] = quoted(1); args[verbs] = quoted(2); vhelp[verbs] = quoted(3); next }
/^PW_OPTION\(/ { of[++options] = quoted(1); name[options] = quoted(2); arg[options] = quoted(3); help[options] = quoted(4); next }
/^PW_ACTION\(/ { action[++actions] = quoted(1); meaning[actions] = quoted(2); brings[actions] = $0; next }
FILENAME !~ /\.mdoc$/ { next }
/^@VERBS@$/ {
	for (v = 1; v <= verbs; v++) {
		own = 0
		for (o = 1; o <= options; o++)
			own += of[o] == verb[v]
		print ".It Ic " verb[v] (own ? " Oo Ar option ... Oc" : "") (args[v] == "" ? "" : " Ar " args[v])
		print toupper(substr(vhelp[v], 1, 1)) plain(substr(vhelp[v], 2)) "."
		if (!own)
			continue
		print ".Bl -tag -width 20n -compact"
		for (o = 1; o <= options; o++)
			if (of[o] == verb[v])
				option(o)
		print ".El"
	}
	next
}
/^@OPTIONS@$/ {
	for (o = 1; o <= options; o++)
		if (of[o] == "")
			option(o)
	next
}
/^@ACTIONS@$/ {
	for (a = 1; a <= actions; a++) {
		print ".It Cm " action[a]
		print toupper(substr(meaning[a], 1, 1)) plain(substr(meaning[a], 2)) "."
		split(brings[a], part, ",")
		gsub(/[^A-Z_|]/, "", part[4])
		gsub(/PW_A_/, "", part[4])
		if (part[4] != "") {
			gsub(/\|/, ", ", part[4])
			print "Brings along: " tolower(part[4]) "."
		}
	}
	next
}
{ print }
