# Reads the lines of `PROGRAM help --tables`; cli/tables.c says how they are written. Afterwards there are
#	program, commands, purpose[c], usage[c], notes[c]	with c from 1 to commands, name[c]
#	options[t], letter[t, i], option[t, i], argument[t, i], choices[t, i], help[t, i]
# where t is a command's number, or "keys" for the keys of --disk.
BEGIN { FS = "\t" }

function plain(text) {
	gsub(/\\\\/, "\001", text)
	gsub(/\\n/, "\n", text)
	gsub(/\\t/, "\t", text)
	gsub(/\001/, "\\", text)
	return text
}

function row(t, first,   i) {
	i = ++options[t]
	option[t, i] = plain($first)
	argument[t, i] = plain($(first + 1))
	choices[t, i] = plain($(first + 2))
	help[t, i] = plain($(first + 3))
	return i
}

$1 == "program" { program = $2 }
$1 == "command" {
	name[++commands] = $2
	purpose[commands] = plain($3)
	usage[commands] = plain($4)
	notes[commands] = plain($5)
	options[commands] = 0
}
$1 == "option" { letter[commands, row(commands, 4)] = $3 }
$1 == "key" { row("keys", 3) }
