/** One scheme that a registry offers in `WWW-Authenticate`. RFC 9110, 11.6.1. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const value = /\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))/y;

/** Reads all challenges of a header, in one pass however long it is; what cannot be understood is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (let at = 0; at < header.length;) {
    const name = matchAt(token, header, at)?.[0].toLowerCase();
    if (name === undefined) {
      at += 1;
      continue;
    }
    at += name.length;
    const current = challenges.at(-1);
    const found = current === undefined ? undefined : matchAt(value, header, at);
    if (found !== undefined) {
      if (current !== undefined) current.parameters[name] = found[1]?.replace(/\\(.)/g, "$1") ?? found[2] ?? "";
      at += found[0].length;
    } else if (at === header.length || /[\s,]/.test(header[at] ?? "")) {
      challenges.push({ scheme: name, parameters: {} });
    }
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
