# Prints the manual page of the configuration: the frame (second file), with the settings of the example (first file) in it.
# The comments of the example are the one source of both. Relies on the form that the example's first lines describe.

function plain(text) {
  gsub(/\\/, "\\e", text)
  gsub(/…/, "\\[u2026]", text)
  while (match(text, /`[^`]*`/))
    text = substr(text, 1, RSTART - 1) "\\(oq" substr(text, RSTART + 1, RLENGTH - 2) "\\(cq" substr(text, RSTART + RLENGTH)
  return text
}

# A line of the page is a sentence, or a part of one.
function say(text,    count, words, i, line) {
  count = split(plain(text), words, / +/)
  line = ""
  for (i = 1; i <= count; i++) {
    if (line != "" && (length(line) + length(words[i]) > 76 || line ~ /[^. ][.]$/)) {
      settings = settings line "\n"
      line = ""
    }
    if (words[i] == "") continue
    line = line (line == "" ? "" : " ") words[i]
    if (line ~ /^[.']/) line = "\\&" line
  }
  if (line != "") settings = settings line "\n"
}

function macro(text) { settings = settings text "\n" }

function end_block() {
  if (block != "") macro(".El")
}

# What stands above a block of settings is about the block.
function begin_block(name) {
  end_block()
  block = name
  macro(".Ss " name)
  say(comment)
  macro(".Bl -tag -width Ds")
  depth = 0
}

# The names of the keys that this one lies in, as the indentation tells.
function path(indent, key,    i, whole) {
  while (depth > 0 && indents[depth] >= indent) depth--
  whole = ""
  for (i = 1; i <= depth; i++) whole = whole keys[i] "."
  indents[++depth] = indent
  keys[depth] = key
  return whole key
}

function setting(indent, optional, key, value) {
  macro(".It Ic " path(indent, key))
  say(comment)
  examples[depth] = comment ~ /Default: none/ || (depth > 1 && examples[depth - 1])
  if (value == "") return
  if (!optional || examples[depth] || comment ~ /Default: |required in this block/) say("Example: " value)
  else say("Default: " value)
}

function take_setting(line,    indent, optional, key) {
  match(line, /^ */)
  indent = RLENGTH
  line = substr(line, indent + 1)
  optional = line ~ /^#/
  sub(/^#/, "", line)
  if (sub(/^- /, "", line)) indent += 2
  key = line
  sub(/:.*/, "", key)
  sub(/^[a-z_]+: */, "", line)
  if (indent == 0) begin_block(key)
  else setting(indent, optional, key, line)
  comment = ""
}

FNR == NR && /^ *#( |$)/ {
  sub(/^ *# ?/, "")
  if (block != "" || begun) comment = comment (comment == "" ? "" : " ") $0
  else if ($0 == "") paragraphs++
  else head[paragraphs] = head[paragraphs] (head[paragraphs] == "" ? "" : " ") $0
  next
}
FNR == NR && /^$/ {
  # The first two paragraphs are about the example itself.
  if (!begun) {
    for (i = 2; i <= paragraphs; i++) {
      if (i > 2) macro(".Pp")
      say(head[i])
    }
  }
  begun = 1
  next
}
FNR == NR {
  take_setting($0)
  next
}
/^@SETTINGS@$/ {
  end_block()
  printf "%s", settings
  next
}
{ print }
