# cmake -DWEB=<this folder> -DOUT=<file.cc> -P embed.cmake: the page's files as constants of the program.
set(code "#include \"surface/api/page_files.h\"\n\nnamespace dragonfly {\nnamespace {\nconstexpr PageFile kFiles[] = {\n")
foreach(pair "index.html|text/html; charset=utf-8" "app.js|text/javascript; charset=utf-8"
             "style.css|text/css; charset=utf-8" "icon.svg|image/svg+xml" "api.html|text/html; charset=utf-8"
             "api.js|text/javascript; charset=utf-8" "../docs/api/openapi.yaml|application/yaml")
  string(REGEX REPLACE "\\|.*" "" name "${pair}")
  string(REGEX REPLACE ".*\\|" "" type "${pair}")
  file(READ "${WEB}/${name}" text)
  get_filename_component(name "${name}" NAME)
  string(APPEND code "    {\"${name}\", \"${type}\", R\"dfpage(${text})dfpage\"},\n")
endforeach()
string(APPEND code "};\n}  // namespace\nstd::span<const PageFile> page_files() { return kFiles; }\n}  // namespace dragonfly\n")
file(WRITE "${OUT}" "${code}")
