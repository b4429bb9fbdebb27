/** How a dependency limits a version: Debian policy, section 7.1. */
export type Relation = "<<" | "<=" | "=" | ">=" | ">>";

/**
 * Orders two version numbers as the package tools do: negative, zero or positive.
 * Debian policy, section 5.6.12: epoch as a number, then upstream version, then revision.
 */
export function compareVersions(left: string, right: string): number {
  const a = splitVersion(left);
  const b = splitVersion(right);
  return a.epoch - b.epoch || compareParts(a.upstream, b.upstream) || compareParts(a.revision, b.revision);
}

/** Whether a version fulfils `relation wanted`. */
export function versionSatisfies(version: string, relation: Relation, wanted: string): boolean {
  const order = compareVersions(version, wanted);
  const isFulfilled: Readonly<Record<Relation, boolean>> = {
    "<<": order < 0,
    "<=": order <= 0,
    "=": order === 0,
    ">=": order >= 0,
    ">>": order > 0,
  };
  return isFulfilled[relation];
}

function splitVersion(version: string): {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
} {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

// Text without digits and numbers take turns; text is compared by weight, numbers by value.
function compareParts(left: string, right: string): number {
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    while (isText(left, i) || isText(right, j)) {
      const order = weight(left, i) - weight(right, j);
      if (order !== 0) return order;
      i++;
      j++;
    }
    const a = numberAt(left, i);
    const b = numberAt(right, j);
    if (a.value !== b.value) return a.value < b.value ? -1 : 1;
    i = a.end;
    j = b.end;
  }
  return 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isText(text: string, at: number): boolean {
  return at < text.length && !isDigit(text.charCodeAt(at));
}

// A tilde sorts before the end of the text, letters before everything else.
function weight(text: string, at: number): number {
  if (!isText(text, at)) return 0;
  const code = text.charCodeAt(at);
  if (code === 126) return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}

function numberAt(text: string, from: number): { readonly value: bigint; readonly end: number } {
  let end = from;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  // Versions hold dates and hashes of more digits than a double keeps.
  return { value: BigInt(text.slice(from, end)), end };
}
