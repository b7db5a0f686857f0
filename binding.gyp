{
  # CMakeLists.txt owns the sources and the flags; this only lets node-gyp and prebuildify start it.
  "targets": [
    {
      "target_name": "upload_response",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake_js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/Release/upload_response.node"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
