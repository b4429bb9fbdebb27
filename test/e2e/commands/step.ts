/** One command of a story, and what it prints. */
export interface Step {
  /** As the command tree calls it: `images list`. */
  readonly command: string;
  readonly args: readonly string[];
  /** What standard output has. */
  readonly shows: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A row of a story, in the order of `Step`. */
export function step(command: string, args: readonly string[], shows: RegExp, more: Partial<Step> = {}): Step {
  return { command, args, shows, ...more };
}

/** What stories work with. */
export interface Stage {
  /** An application for the scripted builder, and its parts. */
  readonly app: string;
  readonly builder: string;
  readonly builderToml: string;
  readonly extension: string;
  /** A directory for results. */
  readonly out: string;
}
