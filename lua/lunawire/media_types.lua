-- The media types of files, by the last part of their names.

-- Text is UTF-8 nowadays, and browsers guess something else unless they are told.
local utf8 = "; charset=utf-8"

return {
  -- pages and what belongs to them
  html = "text/html" .. utf8, htm = "text/html" .. utf8,
  css = "text/css" .. utf8, js = "text/javascript" .. utf8, mjs = "text/javascript" .. utf8,
  json = "application/json", map = "application/json", wasm = "application/wasm",
  webmanifest = "application/manifest+json", xhtml = "application/xhtml+xml",

  -- text
  txt = "text/plain" .. utf8, log = "text/plain" .. utf8, lua = "text/plain" .. utf8,
  md = "text/markdown" .. utf8, csv = "text/csv" .. utf8, ics = "text/calendar" .. utf8,
  vtt = "text/vtt" .. utf8, xml = "text/xml" .. utf8, rss = "application/rss+xml",
  atom = "application/atom+xml",

  -- pictures
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", gif = "image/gif",
  webp = "image/webp", avif = "image/avif", svg = "image/svg+xml", ico = "image/x-icon",
  bmp = "image/bmp", tiff = "image/tiff", tif = "image/tiff",

  -- sound and film
  mp3 = "audio/mpeg", m4a = "audio/mp4", aac = "audio/aac", ogg = "audio/ogg", oga = "audio/ogg",
  opus = "audio/ogg", wav = "audio/wav", flac = "audio/flac", weba = "audio/webm",
  mp4 = "video/mp4", m4v = "video/mp4", webm = "video/webm", ogv = "video/ogg",
  mov = "video/quicktime", mpeg = "video/mpeg",

  -- letters
  woff = "font/woff", woff2 = "font/woff2", ttf = "font/ttf", otf = "font/otf",

  -- documents and archives
  pdf = "application/pdf", rtf = "application/rtf", epub = "application/epub+zip",
  zip = "application/zip", gz = "application/gzip", tar = "application/x-tar",
  bz2 = "application/x-bzip2", xz = "application/x-xz", ["7z"] = "application/x-7z-compressed",
}
