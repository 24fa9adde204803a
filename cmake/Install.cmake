# What goes where, said once: for `cmake --install`, and for the Debian packages (scripts/package), one component each.

# stibee_made(file PROGRAM -f SCRIPT source…): what a small script makes of other files, at configure time.
set(STIBEE_MADE ${CMAKE_BINARY_DIR}/made)
file(MAKE_DIRECTORY ${STIBEE_MADE})
function(stibee_made file program option)
  execute_process(COMMAND ${program} ${option} ${ARGN} OUTPUT_FILE ${STIBEE_MADE}/${file}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARGN})
endfunction()
# The unit of instances is the unit, with other paths; the page of the configuration is the example, with its comments.
stibee_made(stibee-syncd@.service sed -f systemd/instances.sed systemd/stibee-syncd.service)
stibee_made(stibee-syncd.yaml.5 awk -f docs/man/settings.awk config/stibee-syncd.example.yaml docs/man/stibee-syncd.yaml.5.in)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME stibee-syncd)
install(TARGETS stibee-syncd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES systemd/stibee-syncd.service ${STIBEE_MADE}/stibee-syncd@.service DESTINATION lib/systemd/system)
# Not below the prefix: the unit file names these folders.
install(FILES config/stibee-syncd.example.yaml DESTINATION /etc/stibee-syncd)
install(DIRECTORY DESTINATION /etc/stibee-syncd/credentials
  DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

install(FILES docs/man/stibee-syncd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${STIBEE_MADE}/stibee-syncd.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES config/completion/stibee-syncd.bash RENAME stibee-syncd
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES config/completion/_stibee-syncd DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES README.md README.ko.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.png" PATTERN man EXCLUDE)
install(FILES config/prometheus/alerts.yml config/prometheus/scrape.example.yml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/stibee-syncd/prometheus)
install(FILES config/grafana/stibee-syncd.json DESTINATION ${CMAKE_INSTALL_DATADIR}/stibee-syncd/grafana)

# A source installation is for running the daemon; the stand-in for Stibee has a package of its own.
if(TARGET stibee-sim)
  set(sim COMPONENT stibee-sim EXCLUDE_FROM_ALL)
  install(TARGETS stibee-sim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} ${sim})
  install(FILES docs/man/stibee-sim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 ${sim})
  install(FILES docs/developers/stibee-sim.md DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/stibee-sim ${sim})
endif()
