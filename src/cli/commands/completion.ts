import { Argument, type Command } from 'commander';
import type { Run } from '../main.ts';
import { addExamples } from '../options.ts';
import { renderCompletion, type Shell, shells } from '../render/completion.ts';
import { report } from '../report.ts';

/** `ca completion`: a script that completes commands, options, their values, and the names of clients. */
export function declare(command: Command, run: Run): void {
  command.addArgument(new Argument('<shell>', 'the shell that you use').choices(shells));
  addExamples(
    command,
    ['source <(ca completion bash)', 'now; in ~/.bashrc, for good'],
    ['source <(ca completion zsh)', 'in ~/.zshrc, after compinit'],
    ['ca completion fish > ~/.config/fish/completions/ca.fish', 'for fish'],
  );
  command.action((shell: Shell) =>
    run(async (context) => {
      report(context, { shell, script: renderCompletion(shell) }, ({ script }) => [script.trimEnd()]);
      return 'yes';
    }),
  );
}
