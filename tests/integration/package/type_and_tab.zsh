# Types each line into a zsh of its own, with Tab behind it, and prints what became of it.
#   zsh -f type_and_tab.zsh FOLDER-WITH-COMPLETION LINE…
zmodload zsh/zpty
folder=$1
shift

zpty shell zsh -f -i
zpty -w shell "PS1= PS2=; fpath=(${(q)folder} \$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' menu no"
zpty -w shell 'show() { print -r -- "<<$BUFFER>>"; BUFFER=; }; zle -N show; bindkey "^Xs" show; print -r -- rea""dy'
zpty -r shell said '*ready*'

for line in "$@"; do
  zpty -n -w shell "$line"$'\t\x18s'
  zpty -r shell said '*<<*>>*'
  print -r -- ${${said##*<<}%%>>*}
done
zpty -d shell
