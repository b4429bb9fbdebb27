// Addresses as people may see them. A password may have an `@` in it: the last one before the path counts.

/** Addresses in a text, without user name and password; they can still be used. */
export function withoutCredentials(text: string): string {
  return text.replace(/(https?:\/\/)[^/\s]*@/gi, "$1");
}

/** An address of any kind for messages, with `***` for user name and password. */
export function maskedAddress(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//***@");
}

/** The same for an address that may lack its scheme, and without what follows a `?`, where tokens are. */
export function withoutSecrets(text: string): string {
  return text.replace(/(\/\/|^)[^/\s]*@/, "$1***@").replace(/\?.*$/, "");
}
