// A list of messages that shows its end. What came from others is only ever set as text.
const LINES = 200;

export function logTo(list) {
  return function show(kind, text, { note, author } = {}) {
    const item = document.createElement("li");
    item.className = kind;
    if (author) item.append(Object.assign(document.createElement("b"), { textContent: author }));
    item.append(text);
    if (note) item.append(Object.assign(document.createElement("small"), { textContent: note }));
    list.append(item);
    while (list.children.length > LINES) list.firstChild.remove();
    list.scrollTop = list.scrollHeight;
  };
}
