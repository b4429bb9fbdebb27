// Each path is a page of its own, and the server answers all of them with the same file.
const pages = { "/": "Hello from tspack and nginx", "/about": "A static site with a page that only the browser knows" };
document.querySelector("#page").textContent = pages[location.pathname] ?? `There is no page ${location.pathname}`;
