/**
 * A test for paths relative to the root of the image. In a pattern `**` stands for anything,
 * `*` for anything but a slash; the leading slash of a pattern may be left out.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const expression = new RegExp(`^(?:${patterns.map(expressionOf).join("|")})$`);
  return (path) => expression.test(path);
}

function expressionOf(pattern: string): string {
  return pattern
    .replace(/^\//, "")
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
}
