TOOLS: list[object] = []
