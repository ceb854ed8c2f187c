/** The shells that completion is made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/**
 * A script that makes the shell ask `ca __complete` for what may follow the words so far. Each line that it prints is a
 * word, a tab and what it means; where it knows nothing, the shell offers files.
 */
export function renderCompletion(shell: Shell): string {
  return scripts[shell];
}

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# completion of ca for bash
_ca() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ca ca
`,
  zsh: `#compdef ca
# completion of ca for zsh
_ca() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found%%$'\\t'*}")
  if [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "\${funcstack[1]}" == _ca ]]; then _ca "$@"; else compdef _ca ca; fi
`,
  fish: `# completion of ca for fish
function __ca_complete
  set -l found (ca __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c ca -f -a '(__ca_complete)'
`,
};
