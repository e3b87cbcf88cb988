# A zsh completion: a list of commands, and a call of _arguments for each.

function quoted(s) {
	gsub(/'/, "'\\''", s)
	return "'" s "'"
}

# In a specification [ ] and : have a meaning of their own.
function described(s) {
	gsub(/\[/, "\\[", s)
	gsub(/]/, "\\]", s)
	gsub(/:/, "\\:", s)
	return s
}

function action(t, i,   a, c) {
	a = argument[t, i]
	c = choices[t, i]
	if (c != "") {
		gsub(/\|/, " ", c)
		return "(" c ")"
	}
	if (a ~ /^PATH\[,key/)
		return "_" program "_disk"
	if (a ~ /^(FILE|ELF|PATH|SOCKET)/)
		return "_files"
	return a == "PID" ? "_pids" : " "
}

function specification(c, i,   long, short, tail) {
	long = "--" option[c, i]
	short = letter[c, i] == "" ? "" : "-" letter[c, i]
	tail = "[" described(help[c, i]) "]"
	if (argument[c, i] != "")
		tail = tail ":" described(argument[c, i]) ":" action(c, i)
	# A disk can be given again, and what has a letter must know its other name.
	if (short == "")
		return quoted("*" long (argument[c, i] == "" ? "" : "=") tail)
	if (argument[c, i] == "")
		return quoted("(" short " " long ")") "{" short "," long "}" quoted(tail)
	return "\\*{" short "+," long "=}" quoted(tail)
}

END {
	print "#compdef " program
	print "# zsh completion of " program ", made from its own tables of commands and options."
	if (options["keys"]) {
		print "_" program "_disk() {"
		print "\tcompset -P '*,' || { _files -S ,; return }"
		print "\tcase $PREFIX in"
		for (i = 1; i <= options["keys"]; i++) {
			c = choices["keys", i]
			gsub(/\|/, " ", c)
			if (c != "")
				print "\t" option["keys", i] "=*) compset -P '*='; compadd - " c " ;;"
		}
		printf "\t*=*) ;;\n\t*) compadd -S = -"
		for (i = 1; i <= options["keys"]; i++)
			printf " %s", option["keys", i]
		print " ;;\n\tesac\n}"
	}
	print "_" program "() {\n\tlocal command\n\tlocal -a commands=("
	for (c = 1; c <= commands; c++)
		print "\t\t" quoted(name[c] ":" described(purpose[c]))
	print "\t\t'help:the commands; with one, its options'\n\t)"
	print "\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi"
	print "\tcommand=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in"
	for (c = 1; c <= commands; c++) {
		printf "\t%s)\n\t\t_arguments -s", name[c]
		for (i = 1; i <= options[c]; i++)
			printf " \\\n\t\t\t%s", specification(c, i)
		printf " \\\n\t\t\t'(- *)'{-h,--help}'[the options]'"
		if (usage[c] ~ /^\[?[A-Z]/)
			printf " \\\n\t\t\t'*:file:_files'"
		print " ;;"
	}
	print "\thelp) _describe command commands ;;\n\tesac\n}"
	print "_" program " \"$@\""
}
