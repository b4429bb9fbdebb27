import type { IncludePath } from "../build/application.ts";

/** Lists of patterns as in .gitignore; at most one of them is there. */
export interface Selection {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/**
 * Which paths take part. The last pattern that matches a path, or a directory above it, decides;
 * so a pattern with `!` brings back a file out of an excluded directory, as it does in pack and
 * other than in git. Names are compared with their case. Project descriptor, `include`, `exclude`.
 */
export async function selectPaths({ include, exclude }: Selection): Promise<IncludePath> {
  if (include !== undefined) {
    const matches = await lastMatch(include);
    // Whatever is below a directory that does not match itself may match.
    return (path): boolean | "inside" => matches(path) || (path.endsWith("/") ? "inside" : false);
  }
  if (exclude === undefined) return () => true;
  const matches = await lastMatch(exclude);
  const bringsBack = exclude.some((pattern) => pattern.startsWith("!"));
  return (path): boolean | "inside" => !matches(path) || (bringsBack && path.endsWith("/") ? "inside" : false);
}

async function lastMatch(patterns: readonly string[]): Promise<(path: string) => boolean> {
  const { ignore } = await import("../../third-party/ignore.ts");
  const rules = patterns
    .filter((pattern) => pattern.trim() !== "" && !pattern.startsWith("#"))
    .map((pattern) => {
      const negative = pattern.startsWith("!");
      return { negative, matcher: ignore({ ignorecase: false }).add(negative ? pattern.slice(1) : pattern) };
    })
    .toReversed();
  return (path) => {
    const rule = rules.find(({ matcher }) => matcher.ignores(path));
    return rule !== undefined && !rule.negative;
  };
}

/** A pattern that matches nothing, with the one that was perhaps meant; undefined for all others. */
export function deadPattern(pattern: string): string | undefined {
  const bare = pattern.replace(/^!/, "");
  if (/^(\.\/|\.\.(\/|$))/.test(bare)) {
    return `${JSON.stringify(pattern)} matches nothing; patterns start in the application's directory, without ./ and ../`;
  }
  return undefined;
}
