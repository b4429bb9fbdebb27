/** The compiled module, in base64: `distribution/deflate-module.mjs` makes it where it is imported. */
export const deflateModule: string;
