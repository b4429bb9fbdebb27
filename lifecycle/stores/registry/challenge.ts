/** One scheme that a registry offers in `WWW-Authenticate`. RFC 9110, 11.6.1. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, "y");
const scheme = new RegExp(`(${token})(?=\\s|,|$)`, "y");

/** Reads all challenges of a header; what cannot be understood is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  while (at < header.length) {
    parameter.lastIndex = at;
    scheme.lastIndex = at;
    const found = parameter.exec(header);
    const current = challenges.at(-1);
    if (found !== null && current !== undefined) {
      current.parameters[(found[1] ?? "").toLowerCase()] = found[2]?.replace(/\\(.)/g, "$1") ?? found[3] ?? "";
      at = parameter.lastIndex;
      continue;
    }
    const name = scheme.exec(header);
    if (name !== null) {
      challenges.push({ scheme: (name[1] ?? "").toLowerCase(), parameters: {} });
      at = scheme.lastIndex;
    } else at += 1;
  }
  return challenges;
}
