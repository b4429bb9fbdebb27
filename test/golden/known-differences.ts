/** Where we differ from the recording on purpose, by scenario: `build/file`, with the reason (DESIGN §11). */
export const knownDifferences: Readonly<Record<string, { readonly reason: string; readonly what: readonly string[] }>> =
  {};
