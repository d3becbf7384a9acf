// Upload: XMLHttpRequest, because fetch tells nothing of how far an upload has come.
import { bytes } from "./units.js";

const part = id => document.getElementById(id);
const progress = part("progress"), report = part("uploaded");

// Adler-32, as the server computes it: both must see the same bytes.
function checksum(data) {
  let a = 1, b = 0;
  for (let i = 0; i < data.length; i++) {
    a = (a + data[i]) % 65521;
    b = (b + a) % 65521;
  }
  return (b * 65536 + a).toString(16).padStart(8, "0");
}

async function finish(file, request) {
  if (request.status !== 200) {
    report.textContent = `The server refused: ${request.status} ${request.responseText}`;
    return;
  }
  const told = JSON.parse(request.responseText);
  const same = told.checksum === checksum(new Uint8Array(await file.arrayBuffer()));
  const speed = told.seconds > 0 ? `, ${bytes(told.size / told.seconds)}/s` : "";
  report.textContent = `The server read ${bytes(told.size)}${speed}. Its checksum ` +
    `${told.checksum} ${same ? "is right." : "is wrong!"}`;
}

function upload(file) {
  if (!file) return;
  const form = new FormData(), request = new XMLHttpRequest();
  form.append("file", file);
  part("file-name").textContent = file.name;
  progress.value = 0;
  request.upload.onprogress = event => {
    progress.value = event.loaded / event.total;
    report.textContent = `${bytes(event.loaded)} of ${bytes(event.total)}`;
  };
  request.onload = () => finish(file, request);
  request.onerror = () => { report.textContent = "The server could not be reached, or broke off."; };
  request.open("POST", "upload");
  request.send(form);
}

part("file").onchange = event => {
  upload(event.target.files[0]);
  event.target.value = ""; // so that the same file can be chosen again
};

const drop = part("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, event => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") upload(event.dataTransfer.files[0]);
  });
}
