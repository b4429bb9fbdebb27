/** Shells that have a script. */
export const shells: readonly string[] = ["bash", "zsh", "fish", "powershell"];

/**
 * The script that completes `name` in a shell. It asks `NAME complete` and hands over what was typed
 * as arguments: nothing that stands on a command line is evaluated. Undefined for another shell.
 */
export function completionScript(shell: string, name: string): string | undefined {
  return scripts[shell]?.replaceAll("NAME", name);
}

/*
 * The answer is a line per candidate, value and description with a tab between them, and a last line
 * of `:nothing`, `:files` or `:directories`: what else the shell may offer.
 */
const scripts: Readonly<Record<string, string>> = {
  // Bash cuts words at `:` and `=`, and replaces the part behind the last of them only.
  bash: `# bash completion for NAME
_NAME_complete() {
  local line value otherwise=:nothing head= breaks= text=\${COMP_LINE:0:COMP_POINT}
  local word=\${text##*[[:space:]]}
  [[ $COMP_WORDBREAKS != *:* ]] || breaks+=:
  [[ $COMP_WORDBREAKS != *=* ]] || breaks+==
  [[ -z $breaks ]] || head=\${word%"\${word##*[$breaks]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :* ]]; then
      otherwise=$line
    else
      printf -v value %q "\${line%%$'\\t'*}"
      COMPREPLY+=("\${value#"$head"}")
    fi
  done < <("$1" complete --line "$text" 2> /dev/null)
  case $otherwise in
    :nothing) compopt +o default +o bashdefault ;;
    :directories) compopt +o default +o bashdefault -o dirnames ;;
  esac
  case \${COMPREPLY[*]} in
    *[:=]) [[ \${#COMPREPLY[@]} -ne 1 ]] || compopt -o nospace ;;
  esac
}
complete -o default -o bashdefault -F _NAME_complete NAME
`,
  zsh: `#compdef NAME
# zsh completion for NAME
_NAME() {
  local line otherwise=:nothing
  local -a values shown
  for line in "\${(@f)$(NAME complete -- "\${(@Q)words[2,CURRENT]}" 2> /dev/null)}"; do
    if [[ $line == :* ]]; then
      otherwise=$line
    elif [[ -n $line ]]; then
      values+=("\${line%%$'\\t'*}")
      shown+=("\${line/$'\\t'/  -- }")
    fi
  done
  local found=1
  if (( \${#values} )); then
    compadd -l -d shown -a values && found=0
  fi
  case $otherwise in
    :files) _files && found=0 ;;
    :directories) _files -/ && found=0 ;;
  esac
  return found
}
if [[ $funcstack[1] == _NAME ]]; then
  _NAME "$@"
else
  compdef _NAME NAME
fi
`,
  fish: `# fish completion for NAME
function __NAME_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (NAME complete -- $words[2..-1] 2> /dev/null)
    for line in $lines
        switch $line
            case ':files' ':directories'
                __fish_complete_path (commandline -ct)
            case ':nothing'
            case '*'
                echo $line
        end
    end
end
complete -c NAME -e
complete -c NAME -f -a '(__NAME_complete)'
`,
  powershell: `# PowerShell completion for NAME
Register-ArgumentCompleter -Native -CommandName NAME -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($wordToComplete -eq '') { $words += '' }
    & NAME complete -- @words 2> $null | Where-Object { -not $_.StartsWith(':') } | ForEach-Object {
        $value, $text = $_ -split "\`t", 2
        if (-not $text) { $text = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
    }
}
`,
};
