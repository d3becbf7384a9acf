// The page: each card is a module of its own.
import { url } from "./socket.js";
import "./compare.js";
import "./board.js";
import "./chat.js";
import "./echo.js";
import "./counter.js";
import "./upload.js";
import "./stats.js";

document.getElementById("address").textContent = url("");
