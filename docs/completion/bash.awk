# A bash completion: what the tables know, as two functions, and the engine that asks them.

function quoted(s) {
	gsub(/'/, "'\\''", s)
	return "'" s "'"
}

# What completes a value: "choice A B C", a kind that its argument tells, or "other".
function kind(t, i,   a, c) {
	a = argument[t, i]
	c = choices[t, i]
	if (c != "") {
		gsub(/\|/, " ", c)
		return "choice " c
	}
	if (a ~ /^PATH\[,key/)
		return "disk"
	if (a ~ /^(FILE|ELF|PATH|SOCKET)/)
		return "file"
	return a == "PID" ? "pid" : "other"
}

function words(t,   i, out) {
	out = ""
	for (i = 1; i <= options[t]; i++)
		out = out " " (t == "keys" ? "" : "--") option[t, i]
	return out
}

END {
	print "# bash completion of " program ", made from its own tables of commands and options."
	print "_" program "_commands() {"
	out = ""
	for (c = 1; c <= commands; c++)
		out = out " " name[c]
	print "\techo" out " help --help --version"
	print "}"
	print "# What a command takes beside its options: the words of its usage line."
	print "_" program "_usage() {\n\tcase $1 in"
	for (c = 1; c <= commands; c++) {
		gsub(/\n/, " ", usage[c])
		print "\t" name[c] ") echo " quoted(usage[c]) " ;;"
	}
	print "\tesac\n}"
	print "_" program "_options() {\n\tcase $1 in"
	for (c = 1; c <= commands; c++)
		print "\t" name[c] ") echo" words(c) " --help ;;"
	print "\tkeys) echo" words("keys") " ;;"
	print "\tesac\n}"
	print "# What the value of COMMAND:--OPTION or of keys:KEY is; nothing if there is no value."
	print "_" program "_value() {\n\tcase $1 in"
	for (c = 1; c <= commands; c++)
		for (i = 1; i <= options[c]; i++)
			if (argument[c, i] != "")
				print "\t" name[c] ":--" option[c, i] (letter[c, i] == "" ? "" : " | " name[c] ":-" letter[c, i]) \
					") echo " kind(c, i) " ;;"
	for (i = 1; i <= options["keys"]; i++)
		print "\tkeys:" option["keys", i] ") echo " kind("keys", i) " ;;"
	print "\tesac\n}"
	while ((getline line <frame) > 0)
		if (line !~ /^# engine/) {
			gsub(/@program@/, program, line)
			print line
		}
}
