# Manual pages in mdoc(7) from the tables and the frames in this folder. In a frame a line of its own is replaced:
#	@commands@ @options@ @keys@ @notes@ @usage@; @name@ and @purpose@ are replaced anywhere.

# Text lines: one sentence begins a line, none is longer than 78 characters, none is a request.
function text(s,   n, words, i, line, out) {
	n = split(s, words, /[ \n]+/)
	line = out = ""
	for (i = 1; i <= n; i++) {
		gsub(/\\/, "\\e", words[i])
		if (words[i] ~ /^['.]/)
			words[i] = "\\\\&" words[i]
		if (line != "" && length(line) + 1 + length(words[i]) > 78) {
			out = out line "\n"
			line = ""
		}
		line = line (line == "" ? "" : " ") words[i]
		if (words[i] ~ /[.!?]$/) {
			out = out line "\n"
			line = ""
		}
	}
	return out line (line == "" ? "" : "\n")
}

# A word of a usage line as macros: --pid, FILE, COMMAND..., PATH[,key=value...]
function word(w,   dots) {
	if (w == "--")
		return "Fl \\-"
	if (w ~ /^--/)
		return "Fl Fl " substr(w, 3)
	dots = ""
	if (w ~ /[^.\]]\.\.\.$/) {
		w = substr(w, 1, length(w) - 3)
		dots = " ..."
	}
	return "Ar " w dots
}

# "[FILE] [-- COMMAND...]" as lines of macros.
function synopsis(s,   out, n, words, i, inside) {
	out = ""
	n = split(s, words, " ")
	for (i = 1; i <= n; i++) {
		if (!inside)
			out = out "."
		if (words[i] ~ /^\[/ && !inside) {
			out = out "Op "
			inside = 1
			words[i] = substr(words[i], 2)
		}
		if (inside && words[i] ~ /\]$/ && words[i] !~ /\[/) {
			inside = 0
			words[i] = substr(words[i], 1, length(words[i]) - 1)
		}
		out = out word(words[i]) (inside ? " " : "\n")
	}
	return out
}

function value(t, i,   s) {
	if (argument[t, i] == "")
		return ""
	if (argument[t, i] != choices[t, i])
		return "Ar " argument[t, i]
	s = choices[t, i]
	gsub(/\|/, " | ", s)
	return "Cm " s
}

function list(t,   out, i, v) {
	out = ".Bl -tag -width Ds\n"
	for (i = 1; i <= options[t]; i++) {
		v = value(t, i)
		if (t == "keys")
			out = out ".It Cm " option[t, i] "=" (v == "" ? "" : " Ns " v) "\n"
		else
			out = out ".It " (letter[t, i] == "" ? "" : "Fl " letter[t, i] " , ") "Fl Fl " \
				option[t, i] (v == "" ? "" : " " v) "\n"
		out = out text(sentence(help[t, i]))
	}
	return out (t == "keys" ? "" : ".It Fl h , Fl Fl help\nPrint the options and end.\n") ".El\n"
}

function sentence(s) {
	s = toupper(substr(s, 1, 1)) substr(s, 2)
	return s ~ /[.]$/ ? s : s "."
}

function paragraphs(s,   n, part, i, out) {
	n = split(s, part, /\n+/)
	out = ""
	for (i = 1; i <= n; i++)
		out = out ".Pp\n" text(part[i])
	return out
}

function overview(   out, c) {
	out = ".Bl -tag -width Ds\n"
	for (c = 1; c <= commands; c++)
		out = out ".It Xr " program "-" name[c] " 1\n" text(sentence(purpose[c]))
	return out ".El\n"
}

function chapters(   out, c) {
	out = ""
	for (c = 1; c <= commands; c++)
		out = out ".Ss " program " " name[c] "\n" text(sentence(purpose[c])) list(c)
	return out
}

function usages(first, last,   out, c, n, lines, i) {
	out = ""
	for (c = first; c <= last; c++) {
		n = split(usage[c] == "" ? " " : usage[c], lines, "\n")
		for (i = 1; i <= n; i++)
			out = out ".Nm " program "\n.Cm " name[c] "\n" \
				(usage[c] ~ /OPTION/ ? "" : ".Op Ar OPTION ...\n") synopsis(lines[i])
	}
	return out
}

# page FRAME OUT C: of command C, or of all if it is 0
function page(frame, out, c,   line) {
	while ((getline line <frame) > 0) {
		if (line == "@commands@")
			printf "%s", own ? overview() : chapters() >out
		else if (line == "@options@")
			printf "%s", list(c) >out
		else if (line == "@keys@")
			printf "%s", list("keys") >out
		else if (line == "@notes@")
			printf "%s", notes[c] == "" ? "" : paragraphs(notes[c]) >out
		else if (line == "@usage@")
			printf "%s", c ? usages(c, c) : usages(1, commands) >out
		else {
			gsub(/@name@/, name[c], line)
			gsub(/@NAME@/, toupper(name[c]), line)
			gsub(/@purpose@/, purpose[c], line)
			print line >out
		}
	}
	close(frame)
	close(out)
}

END {
	one = frames "/" program "-command.1.in"
	own = (getline line <one) > 0
	close(one)
	page(frames "/" program ".1.in", directory "/" program ".1", 0)
	for (c = 1; own && c <= commands; c++)
		page(one, directory "/" program "-" name[c] ".1", c)
}
