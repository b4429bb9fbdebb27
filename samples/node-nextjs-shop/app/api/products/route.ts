import { products } from "@/lib/products";

export function GET(request: Request): Response {
  const most = Number(new URL(request.url).searchParams.get("most") ?? Infinity);
  return Response.json(products.filter(({ cents }) => cents <= most));
}
